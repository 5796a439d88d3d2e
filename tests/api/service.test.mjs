// The process: how it starts, what it does on signals, and that its folder is what it goes on with.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { countersign, spawnCountersign } from './lib/cli.mjs';
import {
  auditCount, auditOf, fetchClaim, newAccount, newLiveKey, newTestKey, verify,
} from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { RawConnection } from './lib/raw.mjs';
import { PROGRAM, startVault, temporaryFolder } from './lib/vault.mjs';

const policyOf = async (vault) => assertStatus(await vault.as('auditor').get('/v1/policy'), 200);
const modeOf = async (file) => (await stat(file)).mode & 0o777;

test('stopped and started again on its folder, it goes on where it was', async (t) => {
  const vault = await startVault(t);
  const before = { tokens: vault.tokens, accounts: vault.accounts };
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account, { scopes: ['themes.read'] });
  const revoked = await newTestKey(account);
  const id = `/v1/credentials/${revoked.credential.id}`;
  assertStatus(await account.developer.post(`${id}/revoke`), 200);
  const claim = (await newTestKey(account, { delivery: 'claim' })).claim.claim;
  for (let round = 0; round < 3; round++) {
    const count = await auditCount(vault);
    await vault.stop();
    await vault.start();
    assert.deepEqual({ tokens: vault.tokens, accounts: vault.accounts }, before);
    assert.ok(await auditCount(vault) >= count);
    assert.equal((await verify(vault, key.client_secret)).code, 'VALID');
    assert.equal((await verify(vault, revoked.client_secret)).code, 'REVOKED');
  }
  const { client_secret } = assertStatus(await fetchClaim(vault, claim), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
});

test('what it keeps is for its own user alone', async (t) => {
  const vault = await startVault(t);
  for (const folder of [vault.data, path.join(vault.data, 'vault')])
    for (const name of ['', ...await readdir(folder)]) {
      const file = path.join(folder, name);
      assert.equal(await modeOf(file) & 0o077, 0, file);
    }
});

test('SIGTERM ends it cleanly: what it has begun it finishes, and says so', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t) });
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  const idle = await RawConnection.open(vault);
  t.after(() => idle.destroy());
  const answers = together(40, () =>
    account.developer.post('/v1/credentials', order).catch(() => null));
  await vault.until(async () => (await auditOf(vault, { account_id: account.id })).length > 1);
  vault.signal('SIGTERM');
  const made = (await answers).filter((one) => one?.status === 201);
  await vault.exited();
  assert.match(vault.log, /msg="stopped"/);
  await idle.closed();
  await vault.start();
  const listed = await vault.with(account.token).get('/v1/credentials?limit=100');
  const { items } = assertStatus(listed, 200);
  for (const { body } of made) assert.ok(items.some(({ id }) => id === body.credential.id));
});

test('usage that was not written yet is written when it stops', async (t) => {
  const vault = await startVault(t);
  const account = await newAccount(vault);
  const { credential, client_secret } = await newTestKey(account);
  await together(20, () => verify(vault, client_secret));
  await vault.stop();
  await vault.start();
  const usage = await vault.with(account.token).get(`/v1/credentials/${credential.id}/usage`);
  assert.equal(assertStatus(usage, 200).days[0].counts.VALID, 20);
});

test('SIGHUP takes a new policy into force, and writes down which', async (t) => {
  const file = await writePolicy(t);
  const vault = await startVault(t, { policy: file });
  const account = await newAccount(vault);
  const old = await policyOf(vault);
  const pending = await account.developer.post('/v1/requests', {
    account_id: account.id, name: 'x', scopes: ['products.read'], use_case: 'x',
  });
  await writeFile(file, policyText({
    scopes: { 'stock.read': { description: 'Read stock' } },
    rules: [{ name: 'three', approvals: 3 }],
  }));
  vault.signal('SIGHUP');
  const now = await vault.until(async () => {
    const policy = await policyOf(vault);
    return policy.digest !== old.digest && policy;
  });
  assert.deepEqual(now.rules.map(({ name }) => name), ['three']);
  await newTestKey(account, { scopes: ['stock.read'] });
  const entries = await auditOf(vault, { action: 'policy.changed' });
  const { uid, username: user } = os.userInfo();
  assert.deepEqual(entries.map(({ detail }) => JSON.parse(detail)), [
    { digest: now.digest, previous: old.digest, how: 'reload', uid, user, file },
    { digest: old.digest, how: 'start', uid, user, file },
  ]);

  const { id, digest } = assertStatus(pending, 201);
  const shown = assertStatus(await account.developer.get(`/v1/requests/${id}`), 200);
  assert.equal(shown.rule.approvals_needed, 3);
  const stale = { decision: 'approve', digest };
  assertProblem(await vault.as('reviewer').post(`/v1/requests/${id}/decisions`, stale), 412);
});

for (const [what, text, says] of [
  ['wrong', policyText().replace('"approval"', '"aproval"'), /aproval.*line|line.*aproval/],
  ['cut off', policyText().slice(0, 300), /the policy is wrong/],
  ['empty', '', /the policy is wrong/],
  ['of another brand', policyText({ brand: 'acme' }), /another brand takes a restart/],
])
  test(`a policy that is ${what} leaves the old one in force, and the log tells`, async (t) => {
    const file = await writePolicy(t);
    const vault = await startVault(t, { policy: file });
    const old = await policyOf(vault);
    await writeFile(file, text);
    vault.signal('SIGHUP');
    await vault.until(() => vault.log.includes('the old one stays in force'));
    assert.match(vault.log, says);
    if (what === 'wrong') assert.match(vault.log, /line=\d+ column=\d+/);
    assert.equal((await policyOf(vault)).digest, old.digest);
    await newTestKey(await newAccount(vault));
    assert.equal((await auditOf(vault, { action: 'policy.changed' })).length, 1);

    await vault.stop();
    if (what !== 'of another brand')
      await assert.rejects(vault.start(), /ended before it was ready/);
    await writeFile(file, policyText());
    await vault.start();
    assert.equal((await policyOf(vault)).digest, old.digest);
  });

test('a second process on the same folder is refused, and the first goes on', async (t) => {
  const vault = await startVault(t);
  const { client_secret } = await newTestKey(await newAccount(vault));
  const args = ['dev', '--data', vault.data, '--listen', '127.0.0.1:0', '--print', 'json'];
  const second = await countersign(t, args);
  assert.equal(second.status, 5, second.stderr);
  assert.equal(second.stdout, '');
  assert.match(second.stderr, /cannot be used: another process has it open/);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
});

test('an address that is taken, a wrong policy, an open folder: it says so and ends', async (t) => {
  const vault = await startVault(t);
  const { host } = new URL(vault.url);
  const data = await temporaryFolder(t);
  const dev = (...args) => countersign(t, ['dev', '--data', data, '--print', 'json', ...args]);
  const taken = await dev('--listen', host);
  assert.notEqual(taken.status, 0);
  assert.match(taken.stderr, new RegExp(`level=error.*${host}`));

  const policy = path.join(data, 'policy.yaml');
  await writeFile(policy, policyText().replace('"version"', '"versoin"'));
  const wrong = await dev('--listen', '127.0.0.1:0', '--policy', policy);
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.stderr, /versoin/);

  // Where others may write, the tokens that are printed to be pasted may be anybody's text.
  await chmod(data, 0o777);
  const shared = await dev('--listen', '127.0.0.1:0');
  assert.equal(shared.status, 4, shared.stderr);
  assert.equal(shared.stdout, '');
  assert.match(shared.stderr, /others may write to it/);
  await chmod(data, 0o700);

  await chmod(path.join(data, 'vault'), 0o755);
  const open = await dev('--listen', '127.0.0.1:0');
  assert.notEqual(open.status, 0);
  await chmod(path.join(data, 'vault'), 0o700);
  await chmod(path.join(data, 'root.key'), 0o644);
  const readable = await dev('--listen', '127.0.0.1:0');
  assert.notEqual(readable.status, 0);
  assert.match(readable.stderr, /root\.key/);
});

test('without its root key, or with another\'s, a vault does not open', async (t) => {
  const vault = await startVault(t);
  const other = await startVault(t);
  await Promise.all([vault.stop(), other.stop()]);
  const key = path.join(vault.data, 'root.key');
  const own = await readFile(key);
  await writeFile(key, await readFile(path.join(other.data, 'root.key')));
  await assert.rejects(vault.start(), /ended before it was ready/);
  await writeFile(key, own.subarray(0, 20));
  await assert.rejects(vault.start(), /ended before it was ready/);
  await writeFile(key, own);
  await vault.start();
  assertStatus(await vault.as('admin').get('/v1/whoami'), 200);
});

test('an init that cannot print the first token says so, and what to do', async (t) => {
  const folder = await temporaryFolder(t);
  const config = path.join(folder, 'countersign.yaml');
  await writeFile(config, `version: 1\ndata: ${folder}/data\n` +
    `root_key: { file: ${folder}/root.key }\n`);
  const init = `"$0" init --config '${config}' --admin ada@a.example --allow-unlocked-memory`;
  const lost = await countersign(t, ['-c', `${init} >/dev/full`, PROGRAM], { program: 'bash' });
  assert.equal(lost.status, 1);
  assert.match(lost.stderr, /is lost; remove the data folder/);
  assert.doesNotMatch(lost.stderr, /above is the access token/);
  await rm(path.join(folder, 'data'), { recursive: true });
  const again = await countersign(t, ['-c', init, PROGRAM], { program: 'bash' });
  assert.match(again.stdout, /^cs_user_[0-9A-Za-z]{39}\n$/);
});

test('init makes a vault and its first admin, and serve serves it', async (t) => {
  const folder = await temporaryFolder(t);
  const config = path.join(folder, 'countersign.yaml');
  const data = path.join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  await writeFile(config, JSON.stringify({
    version: 1, data, root_key: { file: path.join(folder, 'root.key') }, listen: ['127.0.0.1:0'],
  }));
  const unlocked = '--allow-unlocked-memory';
  const init = ['init', '--config', config, '--admin', 'ada@platform.example', unlocked];
  const wrong = await countersign(t, ['init', '--config', config, '--admin', 'ada', unlocked]);
  assert.equal(wrong.status, 2, wrong.stderr);
  assert.match(wrong.stderr, /--admin must be an address/);
  assert.deepEqual((await readdir(folder)).sort(), ['countersign.yaml', 'data']);
  const made = await countersign(t, init);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^cs_user_[0-9A-Za-z]{39}\n$/);
  assert.match(made.stderr, /keep a copy of the root key, \S+root\.key, away from \S+data/);
  const again = await countersign(t, init);
  assert.equal(again.status, 5, again.stderr);
  assert.match(again.stderr, /there is a vault already/);
  assert.equal(again.stdout, '');
  const check = await countersign(t, ['serve', '--config', config, '--check', unlocked]);
  assert.equal(check.status, 0, check.stderr);

  const child = spawnCountersign(t, ['serve', '--config', config, unlocked]);
  const started = /msg="started" version=\S+ data=(\S+) policy=default digest=[0-9a-f]{64}/;
  assert.equal(await child.line(started), data);
  const url = `http://${await child.line(/msg="?listening"? address=(\S+)/)}`;
  const shown = await countersign(t, ['whoami', '--format', 'json'],
    { vault: { url }, token: made.stdout.trim() });
  assert.equal(shown.status, 0, shown.stderr);
  assert.deepEqual(shown.json().roles, ['admin']);
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await child.line(/msg="stopping" signal=(TERM) by_uid=\d+\n.*msg="stopped"/);
  await rm(config);
});
