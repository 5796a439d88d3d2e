// What a credential was used for: from its first use on, by day and code, as long as the policy
// keeps it.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { newAccount, newTestKey, verify } from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;
const kept = (days) => ({ test: { usage_kept_for: `${days}d`, expires_after: '90d' } });
const policy = await writePolicy(undefined, kept(5));
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());

const usageOf = async (account, { id }, days = '') => assertStatus(
  await account.developer.get(`/v1/credentials/${id}/usage${days && `?days=${days}`}`), 200);
const nextDay = () => vault.turn({ advance_ms: DAY_MS, sweep: true });

test('the first use is told at once, with its day, code and scope', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret: key } = await newTestKey(account);
  const empty = await usageOf(account, credential);
  assert.deepEqual([empty.first_used_at, empty.total, empty.days, empty.scopes], [null, 0, [], []]);
  await verify(vault, key, { scopes: ['orders.read'] });
  const used = await usageOf(account, credential);
  assert.equal(used.total, 1);
  assert.equal(used.first_used_at, used.last_used_at);
  assert.deepEqual(used.days.map(({ counts }) => counts), [{ VALID: 1 }]);
  assert.deepEqual(used.scopes.map(({ scope }) => scope), ['orders.read']);
  const shown = assertStatus(await account.developer.get(`/v1/credentials/${credential.id}`), 200);
  assert.deepEqual([shown.last_used_at, shown.uses_today], [used.last_used_at, 1]);
});

test('what a client asks for in its own query is no use of a scope', async () => {
  const account = await newAccount(vault);
  const scopes = ['orders.read', 'orders.write'];
  const { credential, client_secret: key } = await newTestKey(account, { scopes });
  const authorize = async (path, headers = {}) => assertStatus(await vault.as('gateway').get(
    `/v1/authorize${path}`, { forwarded: true, headers: { 'X-Api-Key': key, ...headers } }), 200);
  const used = async () => (await usageOf(account, credential)).scopes.map(({ scope }) => scope);
  const asked = { 'X-Countersign-Scopes': 'orders.read' };
  await authorize('/orders?page=2&scope=orders.write');
  await authorize('/orders?scope=orders.write', asked);
  assert.deepEqual(await used(), [], 'behind a path the query may be anybody\'s');
  await authorize('/orders?page=2', asked);
  assert.deepEqual(await used(), ['orders.read']);
  await authorize('?scope=orders.write');
  assert.deepEqual(await used(), scopes, 'where no path is, it is the gateway\'s');
});

test('days are kept as long as the policy says, from its next version on too', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret: key } = await newTestKey(account);
  for (let day = 0; day < 8; day++) {
    if (day > 0) await nextDay();
    await verify(vault, key);
    await verify(vault, key, { mode: 'live' });
  }
  const all = await usageOf(account, credential, 90);
  assert.equal(all.days.length, 5);
  for (const { counts } of all.days) assert.deepEqual(counts, { VALID: 1, WRONG_MODE: 1 });
  assert.deepEqual([all.total, all.days_active], [8, 8], 'sums are since ever');
  assert.equal((await usageOf(account, credential, 2)).days.length, 2);

  const reloads = () => vault.log.match(/policy reloaded/g)?.length ?? 0;
  const reload = async (days) => {
    const before = reloads();
    await writeFile(policy, policyText(kept(days)));
    vault.signal('SIGHUP');
    await vault.until(() => reloads() > before);
  };
  await reload(2);
  assert.equal((await usageOf(account, credential, 90)).days.length, 2, 'told no more at once');
  await vault.turn({ advance_ms: 0, sweep: true });
  await reload(90);
  assert.equal((await usageOf(account, credential, 90)).days.length, 2, 'and deleted');
});

test('days are from one to ninety', async () => {
  const account = await newAccount(vault);
  const { credential } = await newTestKey(account);
  for (const days of ['0', '91', '-1', 'x', '1.5']) {
    const path = `/v1/credentials/${credential.id}/usage?days=${days}`;
    assertProblem(await account.developer.get(path), 400);
  }
});
