// The examples, as a reader runs them: against a fresh demo vault, by their own exit codes; and
// against vaults where they have to fail, because an example that cannot fail shows nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { assertStatus } from './lib/caller.mjs';
import { spawnCountersign } from './lib/cli.mjs';
import { newTestKey } from './lib/desk.mjs';
import { PROGRAM, ROOT, startVault, temporaryFolder } from './lib/vault.mjs';

const EXAMPLES = path.join(ROOT, 'examples');

/** Runs one of the examples to its end: {status, stdout, stderr}. */
function run(vault, name, args = [], env = {}) {
  const own = {
    PATH: process.env.PATH,
    HOME: vault.data,
    COUNTERSIGN_URL: vault.url,
    COUNTERSIGN_DATA: vault.data,
    COUNTERSIGN_PROGRAM: PROGRAM,
  };
  return new Promise((resolve) => {
    execFile(path.join(EXAMPLES, name), args, { env: { ...own, ...env }, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr }));
  });
}

function assertRan({ status, stdout, stderr }, ...told) {
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const pattern of told) assert.match(stderr, pattern);
}

test('the whole story plays, again and again, and leaves nothing active behind', async (t) => {
  const vault = await startVault(t);
  for (let round = 0; round < 2; round++)
    assertRan(await run(vault, 'story.sh'), /\/claims +410\nalready_claimed/,
      /a second countersign claim fetch exits with +5/, /after the second fetch +QUARANTINED/,
      /decisions +403/, /after the revocation +REVOKED/, /That was the whole story/);
  const { items } = assertStatus(await vault.as('developer').get('/v1/credentials'), 200);
  assert.deepEqual([...new Set(items.map(({ status }) => status))], ['revoked']);
});

test('the three stories play one by one, the third with what the second prints', async (t) => {
  const vault = await startVault(t);
  assertRan(await run(vault, 'developer.sh'), /with its scope +VALID/,
    /with another scope +INSUFFICIENT_SCOPE/, /\/v1\/credentials +422/,
    /\/v1\/credentials\/cred_[0-9A-Z]+ 404/, /the old secret +VALID/, /the new secret +VALID/);
  const reviewed = await run(vault, 'reviewer.sh');
  assertRan(reviewed, /decisions +403/, /decisions +412/, /the request +approved/);
  assert.match(reviewed.stdout, /^req_[0-9A-Z]{26}\n$/);
  const fetched = await run(vault, 'integrator.sh', [reviewed.stdout.trim()]);
  assertRan(fetched, /the live key +VALID/, /QUARANTINED/, /after the revocation +REVOKED/);
  const again = await run(vault, 'integrator.sh', [reviewed.stdout.trim()]);
  assert.notEqual(again.status, 0);
  assert.match(again.stderr, /expected 201, got 409/);
});

test('no example tells a secret to the terminal', async (t) => {
  const vault = await startVault(t);
  const { stdout, stderr } = await run(vault, 'story.sh');
  const tokens = /cs_(test|live|claim|user|svc)_[0-9A-Za-z]{39}/;
  assert.doesNotMatch(stdout + stderr, tokens);
});

test('an example stops where the vault does not do what it says', async (t) => {
  const vault = await startVault(t);
  const account = { id: vault.accounts.acme, developer: vault.as('developer') };
  const keys = [await newTestKey(account), await newTestKey(account)];
  for (const name of ['developer.sh', 'cli.sh', 'story.sh']) {
    const { status, stderr } = await run(vault, name);
    assert.notEqual(status, 0, name);
    assert.match(stderr, /limit_reached|limit of active credentials/);
    assert.doesNotMatch(stderr, /REVOKED|whole story\./);
  }
  for (const { credential } of keys)
    await account.developer.post(`/v1/credentials/${credential.id}/revoke`);
  const file = path.join(vault.data, 'demo.json');
  const demo = JSON.parse(await readFile(file, 'utf8'));
  demo.tokens.gateway = demo.tokens.auditor;
  await writeFile(file, JSON.stringify(demo));
  const { status, stderr } = await run(vault, 'developer.sh');
  assert.notEqual(status, 0);
  assert.match(stderr, /expected 200, got 403/);
});

test('every example script is run here', async () => {
  const scripts = (await readdir(EXAMPLES)).filter((name) => name.endsWith('.sh'));
  assert.deepEqual(scripts.sort(), ['cli.sh', 'developer.sh', 'integrator.sh', 'lib.sh',
    'reviewer.sh', 'story.sh']);
});

test('the tour of the README plays as it is printed there', async (t) => {
  const vault = await startVault(t);
  const text = await readFile(path.join(ROOT, 'README.md'), 'utf8');
  const [, tour] = /\n## Five minutes\n(.*?)\n## /s.exec(text);
  const blocks = tour.split(/\n{2,}/).filter((block) => block.startsWith('    '))
    .map((block) => block.replace(/^ {4}/gm, ''));
  const isShown = (block) => /^Name {2}/.test(block);
  const isAnswer = (block) => /^("cs_|countersign: )/.test(block) || isShown(block);
  const script = blocks.filter((block) => !isAnswer(block)).join('\n')
    .replace('http://127.0.0.1:8470', vault.url);
  assert.match(script, new RegExp(vault.url));

  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, 'build'));
  await symlink(PROGRAM, path.join(folder, 'build/countersign'));
  await symlink(vault.data, path.join(folder, 'vault-data'));
  const said = await new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } },
      (error, stdout, stderr) => resolve(stdout + stderr));
  });
  const promised = blocks.filter(isAnswer).flatMap((block) => block.split('\n'))
    .filter((line) => /^countersign: /.test(line));
  assert.ok(promised.length >= 2);
  for (const line of promised) assert.ok(said.includes(line), `${line}\n${said}`);
  /* A request as it is shown: but for ids, digests and times, and where these fold a line. */
  const timeless = (shown) => shown
    .replace(/_[0-9A-Z]{26}/g, '_ID').replace(/[0-9a-f]{64}/g, 'DIGEST')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME').replace(/\b\d+[smhd]( ago)?\n/g, 'AGE$1\n')
    .replace(/\s+/g, ' ').trim();
  const [shown] = blocks.filter(isShown);
  assert.ok(timeless(said).includes(timeless(`${shown}\n`)), `${shown}\n${said}`);
  assert.match(said, /^"cs_live_[0-9A-Za-z]{39}"$/m);
  const { items } = assertStatus(await vault.as('developer').get('/v1/credentials'), 200);
  assert.deepEqual(items.map(({ mode, status }) => `${mode} ${status}`).sort(),
    ['live quarantined', 'test active']);
});

test('what the demo prints to try can be pasted, also by who has only built it', async (t) => {
  const data = await temporaryFolder(t);
  const dev = spawnCountersign(t, ['dev', '--data', path.join(data, 'vault-data'),
    '--listen', '127.0.0.1:0']);
  let told = '';
  dev.stdout.on('data', (text) => (told += text));
  await dev.line(/(Ctrl-C ends the vault)/);
  const lines = told.split('\n').filter((line) => /^ {2}(export|countersign) /.test(line));
  const { stdout } = await promisify(execFile)('bash', ['-ec', lines.join('\n')],
    { env: { PATH: '/usr/bin:/bin', HOME: data } });
  assert.match(stdout, /^client_secret +cs_test_/m);
  assert.match(stdout, /^cred_\w+ +My first key +test/m);
});
