// `countersign scan`: real tokens among everything that looks like one, wherever they stand.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmod, chown, copyFile, mkdir, open, readFile, symlink, truncate, writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { countersign } from './lib/cli.mjs';
import { newAccount, newLiveKey, newTestKey, verify } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { forgeToken, KINDS, noise } from './lib/tokens.mjs';
import { PROGRAM, startVault, temporaryFolder } from './lib/vault.mjs';
import { pick, seeded } from '../fault/lib/random.mjs';

const SEED = Number(process.env.SCAN_SEED ?? Date.now() % 2 ** 31);
const random = seeded(SEED);
const number = (below) => Math.floor(random() * below);
const secretKinds = KINDS.filter((kind) => kind !== 'id');
const masked = (token) => `${token.slice(0, -39)}…${token.slice(-4)}`;

/** Something that is nearly a token, and is none. */
const misses = [
  (token) => token.replace(/.$/, (c) => (c === 'x' ? 'y' : 'x')),
  (token) => `${token.slice(0, -20)}${token.at(-20) === '0' ? '1' : '0'}${token.slice(-19)}`,
  (token) => token.slice(0, -1),
  (token) => `${token}${noise(random, 1)}`,
  (token) => `${token}_old`,
  (token) => `x${token}`,
  (token) => `MY_${token}`,
  (token) => token.toUpperCase(),
  (token) => token[0].toUpperCase() + token.slice(1),
  (token) => token.replace(/_[a-z]+_/, '_sandbox_'),
  (token) => token.replace(/_[a-z]+_/, '__'),
  (token) => `${token.slice(0, 20)} ${token.slice(20)}`,
  (token) => token.replaceAll('_', '-'),
  () => `cs_live_${noise(random, 39)}`,
  () => `cs_test_${'x'.repeat(39)}`,
  () => `sk_live_${noise(random, 24)}`,
];
const lines = (count) => Array.from({ length: count }, () =>
  noise(random, number(60)).replace(/[0-4]/g, ' '));

/** A file's text with `what` somewhere in it: {text, line, column}, both from 1. */
function plant(what) {
  const all = lines(1 + number(20));
  const at = number(all.length);
  const free = pick(random, [' ', '=', '"', ':', '\n', "'", '/']);
  const before = `${noise(random, number(30))}${free}`;
  all[at] = `${before}${what}${pick(random, ['', ' ', '"', '\r', ',', '\\n', '.'])}`;
  const text = all.join('\n');
  const stands = text.indexOf(what, all.slice(0, at).join('\n').length);
  const upTo = text.slice(0, stands);
  return { text, line: upTo.split('\n').length, column: stands - upTo.lastIndexOf('\n') };
}

const scan = (t, args, options) => countersign(t, ['scan', ...args], options);

test(`ten thousand files, fifty tokens, five thousand near misses (SCAN_SEED=${SEED})`,
  async (t) => {
    const folder = await temporaryFolder(t);
    const folders = [folder];
    for (let i = 0; i < 100; i++) {
      folders.push(path.join(pick(random, folders.slice(-20)), `d${i}`));
      await mkdir(folders.at(-1));
    }
    const expected = [];
    const kinds = Array.from({ length: 10_000 }, (_, i) => i)
      .sort(() => random() - 0.5).map((_, i) => (i < 50 ? 'real' : i < 5050 ? 'near' : 'plain'));
    kinds.sort(() => random() - 0.5);
    for (const [i, kind] of kinds.entries()) {
      const name = `f${i}${pick(random, ['.js', '.env', '', '.bin'])}`;
      const file = path.join(pick(random, folders), name);
      const brand = pick(random, ['cs', 'acme', 'x9']);
      const token = forgeToken(random, pick(random, secretKinds), brand);
      if (kind === 'plain') await writeFile(file, lines(number(30)).join('\n'));
      if (kind === 'near') await writeFile(file, plant(pick(random, misses)(token)).text);
      if (kind !== 'real') continue;
      const { text, line, column } = plant(token);
      await writeFile(file, text);
      expected.push(`${file}:${line}:${column}: ${masked(token)}`);
    }
    const out = await scan(t, [folder]);
    assert.equal(out.status, 0, out.stderr);
    assert.deepEqual(out.stdout.trim().split('\n').sort(), expected.sort());
    assert.equal(expected.length, 50);
    const json = (await scan(t, [folder, '--format', 'json'])).json();
    assert.deepEqual(json.items.map(({ file, line, column, token }) =>
      `${file}:${line}:${column}: ${token}`).sort(), expected);
  });

test('exit codes are as of grep: found, not found, trouble', async (t) => {
  const folder = await temporaryFolder(t);
  const token = forgeToken(random, 'live');
  await writeFile(path.join(folder, 'clean'), 'nothing');
  assert.deepEqual(await scan(t, [folder]).then(({ status, stdout }) => [status, stdout]), [1, '']);
  await writeFile(path.join(folder, 'leak'), token);
  assert.equal((await scan(t, [folder])).status, 0);
  const missing = await scan(t, [folder, path.join(folder, 'missing')]);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /missing: No such file/);
  assert.ok(missing.stdout.includes(masked(token)), 'what can be looked into is');
  for (const args of [[], ['--brand', 'Bad', folder]])
    assert.equal((await scan(t, args)).status, 2);
});

test('what cannot be read is told, and the rest is looked into', async (t) => {
  const folder = await temporaryFolder(t);
  const nobody = 65534;
  const own = process.getuid();
  const program = path.join(folder, 'program');
  await copyFile(PROGRAM, program);
  const tree = path.join(folder, 'tree');
  await mkdir(path.join(tree, 'closed'), { recursive: true });
  const token = forgeToken(random, 'test');
  for (const name of ['closed/a', 'locked', 'open']) await writeFile(path.join(tree, name), token);
  for (const one of [folder, program, tree, path.join(tree, 'open')]) {
    if (own === 0) await chown(one, nobody, nobody);
    await chmod(one, 0o755);
  }
  await chmod(path.join(tree, 'locked'), 0);
  await chmod(path.join(tree, 'closed'), 0);
  const ids = own === 0 ? { uid: nobody, gid: nobody } : {};
  const failed = await promisify(execFile)(program, ['scan', tree], ids).catch((error) => error);
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /closed: Permission denied/);
  assert.match(failed.stderr, /locked: Permission denied/);
  assert.match(failed.stdout, /open:1:1: /);
  await chmod(path.join(tree, 'closed'), 0o755);
});

test('big files, holes, binary and UTF-16, at every edge of what is read at once', async (t) => {
  const folder = await temporaryFolder(t);
  const token = forgeToken(random, 'live', 'abcdefghijkl');
  const file = path.join(folder, 'big');
  for (const edge of [65536, 131072, 1 << 20]) {
    for (let shift = -61; shift <= 1; shift += 6) {
      const bytes = Buffer.alloc((1 << 20) + 4096, 0xff);
      bytes.write(`\n${token}\0`, edge + shift);
      await writeFile(file, bytes);
      const out = await scan(t, [file]);
      assert.equal(out.stdout, `${file}:2:1: ${masked(token)}\n`, `at ${edge}${shift}`);
    }
  }
  await truncate(file, 5 * 2 ** 30); // a hole of 5 GiB behind it
  const hole = await open(file, 'r+');
  await hole.truncate(0);
  await hole.truncate(600 * 2 ** 20);
  await hole.write(` ${token}`, 599 * 2 ** 20);
  await hole.close();
  assert.match((await scan(t, [file])).stdout, new RegExp(`:1:${599 * 2 ** 20 + 2}: `));
  const text = `\ufeffKEY=1\r\nTOKEN=${token}\r\n`;
  await writeFile(file, Buffer.from(text, 'utf16le'));
  assert.equal((await scan(t, [file])).stdout, `${file}:2:7: ${masked(token)}\n`);
  await writeFile(file, Buffer.from(text, 'utf16le').swap16());
  assert.equal((await scan(t, [file])).stdout, `${file}:2:7: ${masked(token)}\n`);
  const wide = Buffer.from(text.replace(token[5], '\u0100'), 'utf16le');
  await writeFile(file, wide);
  assert.equal((await scan(t, [file])).status, 1);
});

test('no link below a folder is followed, no pipe waited for, no circle walked', async (t) => {
  const folder = await temporaryFolder(t);
  const outside = path.join(await temporaryFolder(t), 'outside');
  const token = forgeToken(random, 'user');
  await writeFile(outside, token);
  await symlink(outside, path.join(folder, 'link'));
  await symlink(folder, path.join(folder, 'circle'));
  await symlink(path.dirname(outside), path.join(folder, 'elsewhere'));
  await symlink(path.join(folder, 'none'), path.join(folder, 'broken'));
  await promisify(execFile)('mkfifo', [path.join(folder, 'pipe')]);
  assert.equal((await scan(t, [folder])).status, 1);
  assert.equal((await scan(t, [path.join(folder, 'link')])).status, 0, 'one that is named is');
  const piped = await scan(t, ['-'], { input: `a\nb ${token}\n` });
  assert.equal(piped.stdout, `(standard input):2:3: ${masked(token)}\n`);
});

test('names that would drive a terminal are escaped; client ids told if asked for', async (t) => {
  const folder = await temporaryFolder(t);
  const id = forgeToken(random, 'id');
  const name = 'a\u001b[31m\nb';
  await writeFile(path.join(folder, name), `${id}\n${forgeToken(random, 'at', 'acme')}`);
  const out = await scan(t, [folder]);
  assert.match(out.stdout, /a\\u001b\[31m\\nb:2:1: acme_at_…/);
  assert.equal((await scan(t, [folder, '--brand', 'cs'])).status, 1);
  const all = await scan(t, [folder, '--all', '--brand', 'cs', '--format', 'json']);
  assert.deepEqual(all.json().items.map(({ kind, line }) => [kind, line]), [['id', 1]]);
  assert.deepEqual((await scan(t, [path.dirname(PROGRAM), '--brand', 'zz', '--format', 'json']))
    .json(), { items: [] });
});

test('what is found can be reported, each token once', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t) });
  const account = await newAccount(vault);
  const tested = await newTestKey(account);
  const live = await newLiveKey(vault, account);
  const folder = await temporaryFolder(t);
  const noise = Array.from({ length: 1500 }, () => forgeToken(random, 'live')).join('\n');
  await writeFile(path.join(folder, 'a'), `${noise}\n${tested.client_secret}`);
  await writeFile(path.join(folder, 'b'), `${tested.client_secret} ${live.client_secret}`);
  const dry = await scan(t, [folder], { vault });
  assert.equal(dry.status, 0);
  assert.equal((await verify(vault, tested.client_secret)).code, 'VALID', 'nobody was asked');
  const out = await scan(t, [folder, '--report'], { vault });
  assert.equal(out.status, 0, out.stderr);
  assert.ok(!(out.stdout + out.stderr).includes(tested.client_secret));
  assert.equal((await verify(vault, tested.client_secret)).code, 'REVOKED');
  assert.equal((await verify(vault, live.client_secret)).code, 'QUARANTINED');
  const nobody = await scan(t, [folder, '--report', '--url', 'http://127.0.0.1:1']);
  assert.equal(nobody.status, 2, 'what was not reported is no success');
});

test('the regular expression fits what is found', async (t) => {
  const any = new RegExp((await scan(t, ['--regex'])).stdout.trim());
  const own = new RegExp((await scan(t, ['--regex', '--brand', 'acme'])).stdout.trim());
  for (const kind of secretKinds) {
    assert.match(`"${forgeToken(random, kind)}"`, any);
    assert.match(forgeToken(random, kind, 'acme'), own);
    assert.doesNotMatch(forgeToken(random, kind), own);
  }
  assert.ok((await readFile(PROGRAM)).length > 0);
});

test('a file full of tokens that nobody minted hides nothing behind it', async (t) => {
  const folder = await temporaryFolder(t);
  const decoys = Array.from({ length: 20_000 }, () => forgeToken(random, 'live'));
  const real = forgeToken(random, 'live');
  await writeFile(path.join(folder, 'a'), decoys.join('\n'));
  await writeFile(path.join(folder, 'b'), real);
  for (const form of ['table', 'json']) {
    const told = await countersign(t, ['scan', '--format', form, folder]);
    assert.equal(told.status, 0, told.stderr);
    const hits = form === 'json' ? told.json().items : told.stdout.trimEnd().split('\n');
    assert.equal(hits.length, decoys.length + 1, `seed ${SEED}`);
    assert.ok(JSON.stringify(hits.at(-1)).includes(masked(real)));
  }
});
