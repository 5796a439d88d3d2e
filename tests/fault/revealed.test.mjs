// Test secrets that the policy has kept: shown again, noted, sealed at rest, and gone with what
// they open. Live ones are kept under no policy.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { assertProblem, assertStatus } from '../api/lib/caller.mjs';
import { countersign } from '../api/lib/cli.mjs';
import { auditOf, fetchClaim, newAccount, newLiveKey, newTestKey } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { PROGRAM, startVault, temporaryFolder } from '../api/lib/vault.mjs';
import { flipped, Rows } from './lib/rows.mjs';

const THIEF = path.join(path.dirname(PROGRAM), 'tests/fault/tools/thief');
const DAY = 24 * 3600_000;
const REVEALABLE = { test: { secret: 'revealable' } };

const reveal = (account, { id }) => account.developer.post(`/v1/credentials/${id}/reveal`);

test('it is shown again as often as asked, to its account, and the log tells', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t, REVEALABLE) });
  const account = await newAccount(vault);
  const { credential, client_secret } = await newTestKey(account);
  for (let i = 0; i < 2; i++) {
    const answer = await reveal(account, credential);
    const shown = assertStatus(answer, 200);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(shown.client_secret, client_secret);
    assert.equal(shown.credential.id, credential.id);
  }
  const told = await auditOf(vault, { object: credential.id, action: 'credential.revealed' });
  assert.equal(told.length, 2);
  assert.equal(told[0].actor, account.user.id);
  assertProblem(await reveal(await newAccount(vault), credential), 404, 'not_found');
  for (const role of ['reviewer', 'admin', 'auditor'])
    assertProblem(await reveal({ developer: vault.as(role) }, credential), 403, 'forbidden');

  const file = path.join(await temporaryFolder(t), 'key.env');
  const out = await countersign(t, ['credential', 'reveal', credential.id, '--env', file],
    { vault, token: account.token });
  assert.equal(out.status, 0, out.stderr);
  assert.match(await readFile(file, 'utf8'), new RegExp(`^CLIENT_SECRET=${client_secret}$`, 'm'));
});

test('it goes with its secret: rotated, revoked, expired', async (t) => {
  const vault = await startVault(t,
    { policy: await writePolicy(t, REVEALABLE), testClock: true });
  const account = await newAccount(vault);
  const { credential } = await newTestKey(account, { expires_in_s: 2 * 86400 });
  const path = `/v1/credentials/${credential.id}`;
  const next = assertStatus(await account.developer.post(`${path}/rotate`, {}), 200);
  assert.equal(assertStatus(await reveal(account, credential), 200).client_secret,
    next.client_secret);
  const other = await newTestKey(account);
  assertStatus(await account.developer.post(`/v1/credentials/${other.credential.id}/revoke`), 200);
  assertProblem(await reveal(account, other.credential), 409, 'conflict');
  await vault.advance(3 * DAY);
  assertProblem(await reveal(account, credential), 409, 'conflict');
  await vault.until(async () => (await account.developer.get(path)).body.status === 'expired' &&
    (await auditOf(vault, { object: credential.id, action: 'credential.expired' })).length > 0);
  await vault.stop();
  assert.deepEqual(await new Rows(vault).list('kept_secret'), [], 'something is kept for nothing');
  await vault.start();
});

test('what was never kept is not made up; live ones and those of claims never are', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t, REVEALABLE) });
  const account = await newAccount(vault);
  const live = await newLiveKey(vault, account);
  assertProblem(await reveal(account, live.credential), 422, 'policy_refused');
  const claimed = await newTestKey(account, { delivery: 'claim' });
  assertProblem(await reveal(account, claimed.credential), 409, 'conflict');
  assertStatus(await fetchClaim(vault, claimed.claim.claim), 200);
  assertProblem(await reveal(account, claimed.credential), 409, 'conflict');
  await vault.stop();
  assert.deepEqual(await new Rows(vault).list('kept_secret'), []);
  await vault.start();
});

test('at rest it is sealed: not to be read, moved or edited; by who has the root key, read',
  async (t) => {
    const vault = await startVault(t, { policy: await writePolicy(t, REVEALABLE) });
    const account = await newAccount(vault);
    const one = await newTestKey(account);
    const other = await newTestKey(account);
    await vault.stop();
    const folder = path.join(vault.data, 'vault');
    for (const name of await readdir(folder)) {
      const bytes = await readFile(path.join(folder, name));
      assert.ok(!bytes.includes(one.client_secret.slice(-39)), name);
    }
    const { stdout } = await promisify(execFile)(THIEF,
      [folder, path.join(vault.data, 'root.key'), 'kept_secret'], { maxBuffer: 1 << 28 });
    assert.ok(stdout.includes(Buffer.from(one.client_secret).toString('hex')), 'the known price');

    const rows = new Rows(vault);
    const [first, second] = await rows.list('kept_secret');
    await rows.put('kept_secret', { key: first.key, value: second.value });
    await rows.put('kept_secret', flipped(second, -1));
    await vault.start();
    for (const { credential } of [one, other])
      assertProblem(await reveal(account, credential), 500, 'internal');
  });
