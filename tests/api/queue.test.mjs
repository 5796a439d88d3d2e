// The reviewers' queue: what waits for whom, how much there is, and what is known beside it.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { decide, newAccount, newRequest, newReviewer, newUser } from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const DAY = 86_400_000;
const WRITES = {
  name: 'writes', when: { any_scopes: ['*.write'] }, approvals: 2, groups: ['security'],
};
const OTHERS = { name: 'others', approvals: 1, groups: ['platform'] };

async function deskOf(t, ...rules) {
  const policy = await writePolicy(t, { rules });
  const vault = await startVault(t, { policy, testClock: true });
  const [security, platform] = await Promise.all(
    ['security', 'platform'].map(async (group) => (await newReviewer(vault, group)).caller));
  const account = await newAccount(vault);
  return { policy, vault, security, platform, account };
}

const names = async (caller, query = 'assigned=me') =>
  assertStatus(await caller.get(`/v1/requests?order=oldest&${query}`), 200)
    .items.map(({ name }) => name);
const counts = async (caller, query = '') =>
  assertStatus(await caller.get(`/v1/requests/counts${query}`), 200);
const show = async (caller, { id }) => assertStatus(await caller.get(`/v1/requests/${id}`), 200);
const none = {
  pending: 0, needs_info: 0, approved: 0, rejected: 0, withdrawn: 0, expired: 0,
};

test('each reviewer has the queue of their groups, oldest first', async (t) => {
  const { vault, security, platform, account } = await deskOf(t, WRITES, OTHERS);
  const request = (name, ...scopes) => newRequest(account, { name, scopes });
  await request('a', 'orders.read');
  const write = await request('b', 'orders.write');
  await request('c', 'themes.read');
  assert.deepEqual(await names(security), ['b']);
  assert.deepEqual(await names(platform), ['a', 'c']);
  assert.deepEqual(await counts(security),
    { assigned: 1, assigned_at_least: false, states: { ...none, pending: 3 } });
  assertStatus(await decide(security, write, 'approve'), 201);
  assert.deepEqual(await names(security), []);
  assert.equal((await counts(security)).assigned, 0);
  const { caller: second } = await newReviewer(vault, 'security', 'platform');
  assert.deepEqual(await names(second), ['a', 'b', 'c']);
  assert.equal((await counts(second)).assigned, 3);
  assert.deepEqual(await names(vault.as('auditor')), []);
  assert.deepEqual(await names(account.developer), []);
  assert.deepEqual(await counts(account.developer),
    { assigned: 0, assigned_at_least: false, states: { ...none, pending: 3 } });
});

test('counts are of what the caller sees, and of one account', async (t) => {
  const { vault, security, account } = await deskOf(t, OTHERS);
  const other = await newAccount(vault);
  const request = await newRequest(account, { scopes: ['orders.read'] });
  await newRequest(other, { scopes: ['orders.read'] });
  assertStatus(await decide(security, request, 'reject'), 201);
  assert.deepEqual((await counts(vault.as('auditor'))).states,
    { ...none, pending: 1, rejected: 1 });
  assert.deepEqual((await counts(account.developer)).states, { ...none, rejected: 1 });
  assert.deepEqual((await counts(other.developer)).states, { ...none, pending: 1 });
  assert.deepEqual((await counts(security, `?account_id=${account.id}`)).states,
    { ...none, rejected: 1 });
  assertProblem(await other.developer.get(`/v1/requests/counts?account_id=${account.id}`), 404,
    'not_found');
});

test('a policy that is reloaded moves them at once, and its own way for good', async (t) => {
  const { policy, vault, security, platform, account } = await deskOf(t, WRITES, OTHERS);
  for (const name of ['a', 'b', 'c']) await newRequest(account, { name, scopes: ['orders.read'] });
  const rules = [{ name: 'all', approvals: 1, groups: ['security'] }];
  await writeFile(policy, policyText({ rules }));
  vault.signal('SIGHUP');
  await vault.until(async () => (await names(security)).length === 3);
  assert.deepEqual(await names(platform), []);
  assert.equal((await counts(security)).assigned, 3);
  await vault.stop();
  await vault.start();
  assert.deepEqual(await names(security), ['a', 'b', 'c']);
});

test('other tags, and a suspension, are felt by the very next call', async (t) => {
  const vip = { name: 'vip', when: { account_tag: ['vip'] }, approvals: 1, groups: ['security'] };
  const { vault, security, platform, account } = await deskOf(t, vip, OTHERS);
  const edit = (members) => vault.as('admin').patch(`/v1/accounts/${account.id}`, members);
  await newRequest(account, { name: 'a', scopes: ['orders.read'] });
  assert.deepEqual([await names(security), await names(platform)], [[], ['a']]);
  assertStatus(await edit({ tags: ['vip'] }), 200);
  assert.deepEqual([await names(security), await names(platform)], [['a'], []]);
  assertStatus(await edit({ status: 'suspended' }), 200);
  assert.deepEqual([await names(security), await names(platform)], [[], []]);
  await vault.advance(1000);
  assert.equal((await counts(security)).assigned, 0);
  assertStatus(await edit({ status: 'active' }), 200);
  assert.deepEqual(await names(security), ['a']);
  assert.equal((await counts(security)).assigned, 1);
});

test('after the hour of escalation it is in the queue of those who stand in', async (t) => {
  const late = { ...OTHERS, escalate: { after: '2d', to: ['security'] } };
  const { vault, security, account } = await deskOf(t, late);
  await newRequest(account, { name: 'a', scopes: ['orders.read'] });
  assert.deepEqual(await names(security), []);
  await vault.advance(2 * DAY);
  await newRequest(account, { name: 'b', scopes: ['orders.read'] });
  assert.deepEqual(await names(security), ['a']);
  assert.equal((await counts(security)).assigned, 1);
});

test('by age: what was filed so long ago, and nothing younger', async (t) => {
  const { vault, security, account } = await deskOf(t, OTHERS);
  await newRequest(account, { name: 'old', scopes: ['orders.read'] });
  await vault.advance(DAY);
  await newRequest(account, { name: 'young', scopes: ['orders.read'] });
  assert.deepEqual(await names(security, 'older_than_s=86400'), ['old']);
  assert.deepEqual(await names(account.developer, 'older_than_s=86400&state=pending'), ['old']);
  assert.deepEqual(await names(security, 'older_than_s=1000000'), []);
  for (const bad of ['0', '-1', '315360001', 'x'])
    assertProblem(await security.get(`/v1/requests?older_than_s=${bad}`), 400, 'invalid_query');
});

test('beside a request stands what the account and the person asked for before', async (t) => {
  const { vault, platform, account } = await deskOf(t, OTHERS);
  const other = await newAccount(vault);
  const both = await newUser(vault, { roles: ['developer'], accounts: [account.id, other.id] });
  const ask = (id, name) => newRequest({ id, developer: both.caller },
    { name, scopes: ['orders.read'] });
  const first = await ask(account.id, 'first');
  assertStatus(await decide(platform, first, 'reject', { comment: 'Too much.' }), 201);
  assertStatus(await decide(platform, await ask(account.id, 'second'), 'approve'), 201);
  await ask(other.id, 'elsewhere');
  for (let i = 0; i < 6; i++) await newRequest(account, { name: `n${i}`, scopes: ['orders.read'] });
  const request = await ask(account.id, 'now');
  const { history, people, last_reviewed: seen } = await show(platform, request);
  assert.equal(seen, undefined);
  assert.deepEqual([history.live_credentials, history.test_credentials], [1, 0]);
  assert.deepEqual(history.account.states, { ...none, pending: 7, approved: 1, rejected: 1 });
  assert.deepEqual(history.requester.states, { ...none, pending: 2, approved: 1, rejected: 1 });
  assert.deepEqual(history.account.recent.map(({ name }) => name), ['n5', 'n4', 'n3', 'n2', 'n1']);
  assert.deepEqual(history.requester.recent.map(({ name }) => name),
    ['elsewhere', 'second', 'first']);
  assert.equal(history.requester.recent[2].comment, 'Too much.');
  assert.deepEqual(people.map(({ id, email }) => [id, email]), [[both.user.id, both.user.email]]);
  const own = await show(account.developer, request);
  assert.equal(own.history, undefined);
  assert.equal(own.people[0].email, null);
});

test('what changed since the last decision is named, with what it was then', async (t) => {
  const { vault, security, account } = await deskOf(t, WRITES, OTHERS);
  const scopes = ['orders.read', 'orders.write'];
  const request = await newRequest(account, { scopes, expires_in_s: 86_400 });
  assertStatus(await decide(security, request, 'approve'), 201);
  assert.deepEqual((await show(security, request)).last_reviewed.changed, []);
  const change = { scopes: ['orders.write', 'themes.read'], use_case: 'Another one.',
    allowed_ips: ['192.0.2.0/24'], expires_in_s: 3600 };
  assertStatus(await account.developer.patch(`/v1/requests/${request.id}`, change), 200);
  const now = await show(security, request);
  assert.deepEqual(now.last_reviewed.changed.sort(),
    ['allowed_ips', 'limits', 'scopes', 'use_case']);
  assert.deepEqual(now.last_reviewed.scopes, scopes);
  assert.equal(now.last_reviewed.limits.expires_in_s, 86_400);
  assert.equal(now.last_reviewed.digest, request.digest);
  assert.equal(now.decisions[0].counts, false);
  assertStatus(await account.developer.patch(`/v1/requests/${request.id}`,
    { scopes: ['themes.read'] }), 200);
  const { last_reviewed: seen } = await show(account.developer, request);
  assert.ok(seen.changed.includes('rule'));
  assert.equal(seen.rule.name, 'writes');
  assertStatus(await decide(vault.as('reviewer'), request, 'reject'), 201);
  assert.equal((await show(security, request)).last_reviewed, undefined);
});
