// `countersign claim`: from a claim to a pair that has arrived, wherever it is to go, interrupted
// or not; and what GitHub takes as a secret.
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import { approve, fetchClaim, newAccount, newClaim, newRequest, verify } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault, temporaryFolder } from './lib/vault.mjs';
import { Wire } from '../fault/lib/wire.mjs';

const vault = await startVault(undefined, { policy: await writePolicy() });
after(() => vault.close());
await sodium.ready;

async function liveClaim(members = {}) {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account, members));
  return { account, request, ...(await newClaim(account, request)) };
}
const statusOf = async ({ account, request }) =>
  assertStatus(await account.developer.get(`/v1/credentials/${request.credential_id}`), 200).status;

/** Runs it with a state folder of its own: the result, with files(), what is left there. */
async function claim(t, { claim: token }, args = [], options = {}) {
  const state = options.state ?? await temporaryFolder(t);
  const result = await countersign(t, ['claim', '--state-dir', state, ...args],
    { vault, input: `${token}\n`, ...options });
  return { ...result, state, files: () => readdir(state) };
}
const parseEnv = (text) => Object.fromEntries(text.trim().split('\n').map((line) =>
  /^(.*?)=(.*)$/.exec(line).slice(1)));

async function assertWorks(issued, pair) {
  assert.equal((await verify(vault, pair.CLIENT_SECRET ?? pair.client_secret)).code, 'VALID');
  assert.equal(await statusOf(issued), 'active', 'it was not acknowledged');
}

test('to stdout, as lines and as JSON, and acknowledged', async (t) => {
  for (const form of ['env', 'json']) {
    const issued = await liveClaim();
    const out = await claim(t, issued, ['--format', form]);
    assert.equal(out.status, 0, out.stderr);
    await assertWorks(issued, form === 'json' ? out.json() : parseEnv(out.stdout));
    assert.deepEqual(await out.files(), [], 'the key is kept for longer than it is needed');
    assert.ok(!/cs_(live|claim)_/.test(out.stderr));
  }
});

test('the whole link is as good as the token, and a file as good as stdin', async (t) => {
  const issued = await liveClaim();
  const file = path.join(await temporaryFolder(t), 'claim');
  await writeFile(file, `${issued.url}\n`);
  const out = await claim(t, issued, ['--claim-file', file], { input: '' });
  assert.equal(out.status, 0, out.stderr);
  await assertWorks(issued, parseEnv(out.stdout));
});

test('into a new file of mode 0600, and over nothing that is there', async (t) => {
  const folder = await temporaryFolder(t);
  const issued = await liveClaim();
  const file = path.join(folder, 'shop.env');
  const out = await claim(t, issued, ['--env', file]);
  assert.equal(out.status, 0, out.stderr);
  assert.equal(out.stdout, '');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ['shop.env']);
  await assertWorks(issued, parseEnv(await readFile(file, 'utf8')));

  const next = await liveClaim();
  const target = path.join(folder, 'target');
  await symlink(target, path.join(folder, 'link'));
  await writeFile(path.join(folder, 'there'), 'mine');
  await mkdir(path.join(folder, 'folder'));
  for (const name of ['link', 'there', 'folder', 'no/such', 'shop.env/x']) {
    const refused = await claim(t, next, ['--env', path.join(folder, name)]);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /cannot write/);
    assert.deepEqual(await refused.files(), []);
  }
  assert.equal(await readFile(path.join(folder, 'there'), 'utf8'), 'mine');
  await assert.rejects(stat(target), 'a link was followed');
  assert.equal(await statusOf(next), 'pending_delivery', 'it was used up for nothing');
});

test('to a command, which decides whether it arrived', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'out');
  const issued = await liveClaim();
  const state = await temporaryFolder(t);
  const run = (command) => claim(t, issued, ['--format', 'json', '--command', command], { state });
  for (const [command, what] of [['cat >/dev/null; exit 7', /failed with 7/],
    ['kill -9 $$', /signal 9/], ['no-such-program-anywhere', /failed with 127/]]) {
    const failed = await run(command);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, what);
    assert.match(failed.stderr, /run this again/);
    assert.equal(await statusOf(issued), 'delivered');
    assert.equal((await failed.files()).length, 1);
  }
  const looks = `env >'${file}.env'; tr '\\0' ' ' </proc/$$/cmdline >'${file}.args'`;
  const done = await run(`cat >'${file}'; ${looks}`);
  assert.equal(done.status, 0, done.stderr);
  const pair = JSON.parse(await readFile(file, 'utf8'));
  await assertWorks(issued, pair);
  for (const name of ['out.env', 'out.args']) {
    const text = await readFile(path.join(folder, name), 'utf8');
    assert.ok(!text.includes(pair.client_secret) && !text.includes(issued.claim), name);
  }
  assert.deepEqual(await done.files(), []);
});

test('an answer that was lost is asked for again, with the same key', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'shop.env');
  for (const lost of ['/v1/claims', '/v1/claims/acknowledge']) {
    const issued = await liveClaim();
    const state = await temporaryFolder(t);
    const wire = new Wire(vault);
    const url = await wire.listen();
    let asked = '';
    wire.onRequest = (bytes) => {
      asked = /^POST (\S+)/.exec(bytes.toString('latin1'))?.[1] ?? asked;
    };
    wire.onAnswer = (bytes, pass) => (asked === lost ? wire.close() : pass(bytes));
    const args = ['--env', `${file}${path.basename(lost)}`];
    const first = await claim(t, issued, ['--url', url, ...args], { state });
    assert.equal(first.status, 7, first.stderr);
    const [name] = await first.files();
    assert.equal((await stat(path.join(state, name))).mode & 0o777, 0o600);
    const kept = await readFile(path.join(state, name), 'utf8');
    assert.ok(!kept.includes(issued.claim) && !kept.includes('cs_live_'), 'a secret is kept');

    const second = await claim(t, issued, args, { state });
    assert.equal(second.status, 0, second.stderr);
    await assertWorks(issued, parseEnv(await readFile(args[1], 'utf8')));
    assert.deepEqual(await second.files(), []);
  }
});

test('a file that an earlier run wrote is known again, and another is not', async (t) => {
  const folder = await temporaryFolder(t);
  const issued = await liveClaim();
  const state = await temporaryFolder(t);
  const fails = await claim(t, issued, ['--command', 'exit 1'], { state });
  assert.equal(fails.status, 1);
  // As after a crash between the file and the note of it: the pair is in the file already.
  const tee = path.join(folder, 'shop.env');
  const copy = `umask 077; cat >'${tee}'; exit 1`;
  const copies = await claim(t, issued, ['--command', copy], { state });
  assert.equal(copies.status, 1);
  const other = path.join(folder, 'other.env');
  await writeFile(other, 'CLIENT_ID=x\n', { mode: 0o600 });
  const refused = await claim(t, issued, ['--env', other], { state });
  assert.equal(refused.status, 5, refused.stderr);
  assert.equal(await statusOf(issued), 'delivered');
  const done = await claim(t, issued, ['--env', tee], { state });
  assert.equal(done.status, 0, done.stderr);
  await assertWorks(issued, parseEnv(await readFile(tee, 'utf8')));
});

test('a key that the request names: made here, named there, opened here', async (t) => {
  const file = path.join(await temporaryFolder(t), 'shop.key');
  const made = await countersign(t, ['claim', 'key', file]);
  assert.equal(made.status, 0, made.stderr);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const again = await countersign(t, ['claim', 'key', file]);
  assert.equal(again.stdout, made.stdout);
  const issued = await liveClaim({ recipient_public_key: made.stdout.trim() });
  const without = await claim(t, issued);
  assert.equal(without.status, 6, without.stderr);
  assert.match(without.stderr, /another key/);
  assert.deepEqual(await without.files(), []);
  const out = await claim(t, issued, ['--key-file', file]);
  assert.equal(out.status, 0, out.stderr);
  await assertWorks(issued, parseEnv(out.stdout));
  await writeFile(file, 'not a key\n');
  assert.notEqual((await countersign(t, ['claim', 'key', file])).status, 0);
});

test('a rotation for the key that the request names comes in a box that it opens', async (t) => {
  const folder = await temporaryFolder(t);
  const [file, env, other] = ['shop.key', 'rotated.env', 'other.key']
    .map((name) => path.join(folder, name));
  const made = await countersign(t, ['claim', 'key', file]);
  const issued = await liveClaim({ recipient_public_key: made.stdout.trim() });
  const first = parseEnv((await claim(t, issued, ['--key-file', file])).stdout);
  const rotated = await countersign(t,
    ['credential', 'rotate', issued.request.credential_id, '--grace', '0', '--env', env],
    { vault, token: issued.account.token });
  assert.equal(rotated.status, 0, rotated.stderr);
  const { CLIENT_ID, SEALED_PAIR, ...rest } = parseEnv(await readFile(env, 'utf8'));
  assert.deepEqual([CLIENT_ID, rest], [first.CLIENT_ID, {}]);
  assert.equal(rotated.stdout.includes(SEALED_PAIR), false, 'it is told twice');

  const open = (args, box = SEALED_PAIR) => countersign(t, ['claim', 'open', ...args, box]);
  const opened = await open(['--key-file', file]);
  assert.equal(opened.status, 0, opened.stderr);
  const pair = parseEnv(opened.stdout);
  assert.equal(pair.CLIENT_ID, first.CLIENT_ID);
  assert.equal((await verify(vault, pair.CLIENT_SECRET)).code, 'VALID');
  assert.equal((await verify(vault, first.CLIENT_SECRET)).code, 'NOT_FOUND');
  const json = await open(['--key-file', file, '--format', 'json']);
  assert.deepEqual(Object.values(json.json()), Object.values(pair));

  await countersign(t, ['claim', 'key', other]);
  const edited = `${SEALED_PAIR.slice(0, -8)}AAAA${SEALED_PAIR.slice(-4)}`;
  for (const [args, box] of [[['--key-file', other]], [['--key-file', file], edited],
    [['--key-file', file], 'AAAA'], [['--key-file', file], 'no box']]) {
    const refused = await open(args, box);
    assert.equal(refused.status, 1, `${args} ${box}`);
    assert.match(refused.stderr, /no box that holds a pair for that key/);
    assert.equal(refused.stdout, '');
  }
  for (const args of [[], ['--key-file', file, '--env', 'a', '--command', 'b']])
    assert.equal((await open(args)).status, 2);
});

test('what GitHub takes: a value that its own key opens, and nothing else of it', async (t) => {
  const issued = await liveClaim();
  const github = sodium.crypto_box_keypair();
  const key = Buffer.from(github.publicKey).toString('base64');
  const args = ['--github-public-key', key];
  const out = await claim(t, issued, [...args, '--key-id', '568250167242549743']);
  assert.equal(out.status, 0, out.stderr);
  const { encrypted_value, key_id, ...rest } = out.json();
  assert.deepEqual([key_id, rest], ['568250167242549743', {}]);
  // What GitHub does with it: crypto_box_seal_open, and the bytes are the secret's value.
  const value = Buffer.from(sodium.crypto_box_seal_open(Buffer.from(encrypted_value, 'base64'),
    github.publicKey, github.privateKey)).toString();
  const pair = JSON.parse(value);
  assert.equal((await verify(vault, pair.client_secret)).code, 'VALID');
  const again = await claim(t, issued, args);
  assert.deepEqual(again.json(), { encrypted_value });
});

test('what makes no sense is said before anything is asked for', async (t) => {
  const issued = await liveClaim();
  const key = Buffer.alloc(32, 9).toString('base64');
  for (const args of [['--env', 'a', '--command', 'b'], ['--env', 'a', '--format', 'json'],
    ['--key-id', '1'], ['--github-public-key', 'AAAA'], ['--github-public-key', key, '--env', 'a'],
    ['--github-public-key', key, '--key-file', 'a'], ['--format', 'yaml'], ['extra'],
    ['--format', 'json', 'lookup']]) {
    const out = await claim(t, issued, args);
    assert.equal(out.status, 2, `${args}: ${out.stderr}`);
  }
  assert.equal(await statusOf(issued), 'pending_delivery');
});

test('a claim that somebody else used up is told as that', async (t) => {
  const issued = await liveClaim();
  assertStatus(await fetchClaim(vault, issued.claim), 200);
  const late = await claim(t, issued);
  assert.equal(late.status, 5);
  assert.match(late.stderr, /already_claimed/);
  assert.deepEqual(await late.files(), []);
  assertProblem(await fetchClaim(vault, `${issued.claim}x`), 404);
  const unknown = await claim(t, { claim: `cs_claim_${'0'.repeat(39)}` });
  assert.equal(unknown.status, 3);
});
