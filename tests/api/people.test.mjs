// Who may make tokens and change people, and what the log tells of it.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { auditCount, auditOf, newAccount, newName, newTestKey, newUser } from './lib/desk.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault();
after(() => vault.close());
const admin = vault.as('admin');
const ROLES = { developer: 1, reviewer: 2, auditor: 4, admin: 8 };

test('tokens of services and of other people are an admin\'s to make', async () => {
  const other = await newUser(vault, { roles: ['auditor'] });
  const orders = [{ kind: 'service' }, { kind: 'service', roles: ['metrics'] },
    { user_id: other.user.id }, { kind: 'user', user_id: other.user.id }];
  for (const role of ['developer', 'reviewer', 'auditor']) {
    const { user, caller } = await newUser(vault, { roles: [role] });
    const before = await auditCount(vault);
    for (const order of orders)
      assertProblem(await caller.post('/v1/tokens', { name: 'x', ...order }), 403, 'forbidden');
    assert.equal(await auditCount(vault), before, 'what was refused has left a trace');
    for (const order of [{}, { user_id: user.id }]) {
      const { token } = assertStatus(await caller.post('/v1/tokens', { name: 'x', ...order }), 201);
      assert.deepEqual([token.kind, token.user_id], ['user', user.id]);
    }
  }
  const kinds = [];
  for (const order of orders) {
    const { token } = assertStatus(await admin.post('/v1/tokens', { name: 'x', ...order }), 201);
    kinds.push([token.kind, token.user_id, token.roles]);
  }
  assert.deepEqual(kinds, [['service', null, ['gateway']], ['service', null, ['metrics']],
    ['user', other.user.id, []], ['user', other.user.id, []]]);
});

test('a token has what its kind has, and nothing of the other', async () => {
  const { user } = await newUser(vault, { roles: ['developer'] });
  for (const [order, pointer] of [
    [{ kind: 'service', user_id: user.id }, '/user_id'],
    [{ kind: 'user', roles: ['gateway'] }, '/roles'],
    [{ roles: ['metrics'] }, '/roles'],
    [{ kind: 'service', roles: ['admin'] }, '/roles'],
  ]) {
    const problem = assertProblem(await admin.post('/v1/tokens', { name: 'x', ...order }), 400);
    assert.equal(problem.errors[0].pointer, pointer);
  }
});

test('tokens of others are listed to an admin alone', async () => {
  const one = await newUser(vault, { roles: ['developer', 'reviewer', 'auditor'] });
  const other = await newUser(vault, { roles: ['developer'] });
  const list = async (caller, query = '') =>
    assertStatus(await caller.get(`/v1/tokens?limit=100${query}`), 200).items.map(({ id }) => id);
  const of = (user) => `&user_id=${user.id}`;
  assert.deepEqual(await list(one.caller), [one.token_id]);
  assert.deepEqual(await list(one.caller, of(one.user)), [one.token_id]);
  assertProblem(await one.caller.get(`/v1/tokens?${of(other.user)}`), 404, 'not_found');
  assert.deepEqual(await list(admin, of(other.user)), [other.token_id]);
  const all = await list(admin);
  for (const { token_id } of [one, other]) assert.ok(all.includes(token_id));
});

test('an admin cannot resign, so that one is always left', async () => {
  const resigning = await newUser(vault, { roles: ['admin', 'auditor'] });
  const path = `/v1/users/${resigning.user.id}`;
  for (const edit of [{ roles: ['auditor'] }, { roles: [] }, { status: 'disabled' },
    { roles: ['admin'], status: 'disabled' }])
    assertProblem(await resigning.caller.patch(path, edit), 409, 'conflict');
  for (const edit of [{ name: 'Anew' }, { roles: ['admin'] }, { status: 'active' }])
    assertStatus(await resigning.caller.patch(path, edit), 200);
  assertStatus(await admin.patch(path, { roles: ['auditor'] }), 200);
  assertProblem(await resigning.caller.patch(path, { name: 'x' }), 403, 'forbidden');
});

test('accounts of a user that are no ids are refused', async () => {
  const { id } = await newAccount(vault);
  const { user } = await newUser(vault, { roles: ['developer'] });
  const email = `${newName('user').replace(' ', '')}@people.example`;
  for (const wrong of ['x', id.slice(0, -1), `${id}0`, `user_${id.slice(5)}`,
    `acct_${'0'.repeat(60)}`]) {
    const members = { accounts: [id, wrong] };
    const created = { email, roles: ['developer'], ...members };
    for (const answer of [await admin.post('/v1/users', created),
      await admin.patch(`/v1/users/${user.id}`, members)])
      assert.equal(assertProblem(answer, 400, 'invalid_body').errors[0].pointer, '/accounts');
  }
});

test('the log tells of people and tokens what they became', async () => {
  const { user, caller, token_id } = await newUser(vault, { roles: ['developer'] });
  assertStatus(await admin.patch(`/v1/users/${user.id}`, { roles: ['reviewer', 'auditor'] }), 200);
  const order = { kind: 'service', name: 'gateway' };
  const { token } = assertStatus(await admin.post('/v1/tokens', order), 201);
  assertStatus(await caller.post(`/v1/tokens/${token_id}/revoke`), 200);
  assertStatus(await admin.patch(`/v1/users/${user.id}`, { status: 'disabled' }), 200);
  const told = async (object) => (await auditOf(vault, { object })).reverse()
    .map(({ action, detail }) => [action, JSON.parse(detail)]);
  const roles = (...names) => names.reduce((sum, name) => sum + ROLES[name], 0);
  assert.deepEqual(await told(user.id), [
    ['user.created', { roles: roles('developer'), status: 'active' }],
    ['user.changed', { roles: roles('reviewer', 'auditor'), status: 'active' }],
    ['user.changed', { roles: roles('reviewer', 'auditor'), status: 'disabled' }],
  ]);
  const whose = { kind: 'user', user_id: user.id };
  assert.deepEqual(await told(token_id), [['token.created', whose], ['token.revoked', whose]]);
  assert.deepEqual(await told(token.id), [['token.created', { kind: 'service', user_id: '' }]]);
});

test('the log tells why a key was revoked', async () => {
  const account = await newAccount(vault);
  for (const reason of ['key_compromise', 'superseded', undefined]) {
    const { credential } = await newTestKey(account);
    const body = reason && { reason };
    const revoked = await account.developer.post(`/v1/credentials/${credential.id}/revoke`, body);
    const { revoke_reason } = assertStatus(revoked, 200);
    const [entry] = await auditOf(vault, { object: credential.id, action: 'credential.revoked' });
    assert.deepEqual(JSON.parse(entry.detail), { reason: revoke_reason });
    if (reason) assert.equal(revoke_reason, reason);
  }
});
