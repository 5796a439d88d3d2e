// Idempotency-Key: the same key, caller and body get the same answer, and the thing is done once.
// How long that holds is a matter of the clock: request_life.test.mjs.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { auditCount, newAccount, newUser, verify } from './lib/desk.mjs';
import { callFor, callerOf } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const options = { policy: await writePolicy() };
const vault = await startVault(undefined, options);
after(() => vault.close());

const takesKey = ({ parameters = [] }) =>
  parameters.some((one) => vault.contract.follow(one).name === 'Idempotency-Key');
const withKey = (headers, key) => ({ ...headers, 'Idempotency-Key': key });
let keys = 0;
const newKey = () => `key-${++keys}`;

for (const [method, , operation] of [...vault.contract.operations()].filter(([, , one]) =>
  takesKey(one)))
  test(`${operation.operationId} is done once for one key`, async () => {
    const desk = { vault, account: await newAccount(vault) };
    const call = await callFor(operation, desk);
    const caller = callerOf(desk, call);
    const key = newKey();
    const send = (body) =>
      caller.call(method, call.path, { body, headers: withKey(call.headers, key) });

    const first = await send(call.body);
    assert.ok(first.status < 300, first.text);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const before = await auditCount(vault);
    for (let i = 0; i < 2; i++) {
      const again = await send(call.body);
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.deepEqual([again.status, again.text], [first.status, first.text]);
    }
    const other = Object.keys(call.body).length > 0 ? `${JSON.stringify(call.body)} ` : ' {}';
    const refused = await caller.call(method, call.path,
      { body: other, headers: withKey({ 'Content-Type': 'application/json' }, key) });
    assertProblem(refused, 422, 'idempotency_mismatch');
    assert.equal(await auditCount(vault), before);
  });

test('every operation that creates takes a key', () => {
  for (const [, , operation] of vault.contract.operations())
    if (operation.responses[201]) assert.ok(takesKey(operation), operation.operationId);
});

test('a key is the caller\'s own, and that of one path', async () => {
  const account = await newAccount(vault);
  const other = await newUser(vault, { roles: ['developer'], accounts: [account.id] });
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  const key = newKey();
  const send = (caller) =>
    caller.post('/v1/credentials', order, { headers: withKey({}, key) });
  const made = assertStatus(await send(account.developer), 201);
  const theirs = assertStatus(await send(other.caller), 201);
  assert.notEqual(theirs.credential.id, made.credential.id);
  for (const { credential } of [made, theirs]) {
    const path = `/v1/credentials/${credential.id}/revoke`;
    const revoked = await account.developer.post(path, {}, { headers: withKey({}, key) });
    assert.equal(assertStatus(revoked, 200).id, credential.id);
  }
});

test('what was refused may be tried again under the same key', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  const key = newKey();
  const send = () =>
    account.developer.post('/v1/credentials', order, { headers: withKey({}, key) });
  const set = (status) => vault.as('admin').patch(`/v1/accounts/${account.id}`, { status });
  assertStatus(await set('suspended'), 200);
  assertProblem(await send(), 422, 'account_suspended');
  assertStatus(await set('active'), 200);
  assertStatus(await send(), 201);
});

test('a key that is none is refused', async () => {
  const { developer, id } = await newAccount(vault);
  const order = { account_id: id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  for (const key of ['', 'two words', 'x'.repeat(256), '\u00e9'])
    assertProblem(await developer.post('/v1/credentials', order, { headers: withKey({}, key) }),
      400);
  assertStatus(await developer.post('/v1/credentials', order,
    { headers: withKey({}, 'x'.repeat(255)) }), 201);
});

test('twenty that race under one key make one credential and get one answer', async () => {
  for (let round = 0; round < 20; round++) {
    const account = await newAccount(vault);
    const order = { account_id: account.id, mode: 'test', name: 'raced', scopes: ['orders.read'] };
    const key = newKey();
    const answers = await together(20, () =>
      account.developer.post('/v1/credentials', order, { headers: withKey({}, key) }));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    const { items } = assertStatus(await account.developer.get('/v1/credentials'), 200);
    assert.equal(items.length, 1);
    assert.equal((await verify(vault, answers[0].body.client_secret)).code, 'VALID');
  }
});

test('the answer outlives a restart, and a crash', async (t) => {
  const own = await startVault(t, options);
  const account = await newAccount(own);
  const key = newKey();
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  const send = () => own.with(account.token).post('/v1/credentials', order,
    { headers: withKey({}, key) });
  const first = assertStatus(await send(), 201);
  await own.stop();
  await own.start();
  assert.deepEqual(assertStatus(await send(), 201), first);
  await own.kill();
  await own.start();
  assert.deepEqual(assertStatus(await send(), 201), first);
});

test('who was changed since gets the answer no more', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'Once', scopes: ['orders.read'] };
  const headers = withKey({}, newKey());
  const create = () => account.developer.post('/v1/credentials', order, { headers });
  const edit = async (members) => assertStatus(
    await vault.as('admin').patch(`/v1/users/${account.user.id}`, members), 200);
  assertStatus(await create(), 201);
  assertStatus(await create(), 201);
  await edit({ accounts: [] });
  assert.doesNotMatch(assertProblem(await create(), 409, 'replay_expired').detail, /cs_test_/);
  await edit({ accounts: [account.id] });
  assertProblem(await create(), 409, 'replay_expired');
});

test('another token of the same person is another caller', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  const key = newKey();
  const first = await account.developer.post('/v1/credentials', order,
    { headers: withKey({}, key) });
  const tokens = assertStatus(await account.developer.post('/v1/tokens', { name: 'second' }), 201);
  const again = await vault.with(tokens.secret).post('/v1/credentials', order,
    { headers: withKey({}, key) });
  assert.notEqual(assertStatus(again, 201).credential.id, first.body.credential.id);
});
