// Approvals, taken back from the command line.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { countersign } from './lib/cli.mjs';
import { auditOf, newAccount, newLiveKey, verify } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy() });
after(() => vault.close());
const run = (t, role, ...args) => countersign(t, ['grant', ...args], { vault, role });

test('a reviewer takes an approval back, and says why', async (t) => {
  const key = await newLiveKey(vault, await newAccount(vault));
  const grant = key.request.grant_id;
  const before = (await run(t, 'reviewer', 'show', grant, '--format', 'json')).json();
  assert.equal(before.credential_id, key.credential.id);
  assert.deepEqual([before.withdrawn_at, before.withdrawn_why], [null, null]);
  const args = ['withdraw', grant, '--comment', 'The contract ended', '--yes', '--format', 'json'];
  const done = await run(t, 'reviewer', ...args);
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.json().withdrawn_why, 'The contract ended');
  assert.equal((await verify(vault, key.client_secret)).code, 'REVOKED');
  assert.deepEqual((await auditOf(vault, { object: grant })).map(({ action }) => action),
    ['grant.withdrawn']);
});

test('neither its developer nor an auditor does', async (t) => {
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account);
  const { grant_id: grant } = key.request;
  const command = ['grant', 'withdraw', grant];
  const own = await countersign(t, [...command, '--yes'], { vault, token: account.token });
  for (const one of [own, await run(t, 'auditor', 'withdraw', grant, '--yes')])
    assert.notEqual(one.status, 0, one.stdout);
  assert.equal((await verify(vault, key.client_secret)).code, 'VALID');
});
