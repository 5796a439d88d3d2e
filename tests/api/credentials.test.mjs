// Credentials through their life, each state as the gateway sees it at once.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { auditOf, newAccount, newLiveKey, newTestKey, verify } from './lib/desk.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { testClock: true }); // under the default policy
after(() => vault.close());
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const path = ({ credential }, verb = '') => `/v1/credentials/${credential.id}${verb}`;
const codeOf = async (key, members) => (await verify(vault, key, members)).code;

test('a test key is had in one call and works at once', async () => {
  const account = await newAccount(vault);
  const members = { name: 'Catalogue', description: 'Reads it', bundle: 'catalog-sync' };
  const made = await newTestKey(account, members);
  const { credential, client_secret } = made;
  assert.match(client_secret, /^cs_test_[0-9A-Za-z]{39}$/);
  assert.match(credential.client_id, /^cs_id_[0-9A-Za-z]{39}$/);
  assert.equal(credential.secret_hint, `cs_test_…${client_secret.slice(-4)}`);
  assert.deepEqual(credential.scopes, ['products.read']);
  assert.equal(credential.status, 'active');
  assert.equal(credential.created_by, account.user.id);
  const life_ms = Date.parse(credential.expires_at) - Date.parse(credential.created_at);
  assert.equal(life_ms, 90 * DAY);

  const shown = assertStatus(await account.developer.get(path(made)), 200);
  assert.deepEqual(shown, credential);
  const told = await verify(vault, client_secret, { scopes: ['products.read'], mode: 'test' });
  assert.equal(told.code, 'VALID');
  assert.equal(told.credential_id, credential.id);
  assert.equal(told.account_id, account.id);
  assert.deepEqual(told.scopes, ['products.read']);
  assert.equal(told.ratelimit.limit, 100);
  const [entry] = await auditOf(vault, { object: credential.id });
  assert.equal(entry.action, 'credential.created');
  assert.equal(entry.actor, account.user.id);
});

test('a live key is not to be had without a request', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'live', name: 'no', scopes: ['orders.read'] };
  const problem = assertProblem(
    await account.developer.post('/v1/credentials', order), 422, 'approval_required');
  assert.match(problem.detail, /\/v1\/requests/);
  assert.equal(problem.errors[0].pointer, '/mode');
});

const refusals = [
  ['an unknown scope', { scopes: ['order.read'] }, 'unknown_scope', /orders\.read/, '/scopes'],
  ['an unknown bundle', { bundle: 'catalog-snyc' }, 'unknown_bundle', /catalog-sync/, '/bundle'],
  ['no scope at all', { scopes: [] }, 'policy_refused', /scope/, '/scopes'],
  ['a longer life', { expires_in_s: 91 * 86400 }, 'policy_refused', /7776000/, '/expires_in_s'],
];
for (const [what, members, code, detail, pointer] of refusals)
  test(`the policy refuses ${what}, and says what would be right`, async () => {
    const { id, developer } = await newAccount(vault);
    const order = { account_id: id, mode: 'test', name: 'x', scopes: ['orders.read'], ...members };
    if (members.bundle) delete order.scopes;
    const problem = assertProblem(await developer.post('/v1/credentials', order), 422, code);
    assert.match(problem.detail, detail);
    assert.equal(problem.errors[0].pointer, pointer);
    assert.equal((await developer.get('/v1/credentials')).body.items.length, 0);
  });

test('networks have to be networks', async () => {
  const { id, developer } = await newAccount(vault);
  const order = { account_id: id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  for (const network of ['10.0.0.1/8', '10.0.0.0/33', 'localhost', '1.2.3', '::1/129', '01.2.3.4'])
    assertProblem(await developer.post('/v1/credentials', { ...order, allowed_ips: [network] }),
      400, 'invalid_body');
});

test('the third active key is refused until one of two is gone', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'third', scopes: ['orders.read'] };
  const first = await newTestKey(account);
  await newTestKey(account);
  const third = () => account.developer.post('/v1/credentials', order);
  assertProblem(await third(), 409, 'limit_reached');
  assertStatus(await account.developer.post(path(first, '/revoke')), 200);
  assertStatus(await third(), 201);
  assertProblem(await third(), 409, 'limit_reached');
});

test('disabled and enabled, it is refused and good again at once', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  for (const [status, code] of [['disabled', 'DISABLED'], ['disabled', 'DISABLED'],
    ['active', 'VALID'], ['disabled', 'DISABLED']]) {
    const edited = assertStatus(await account.developer.patch(path(made), { status }), 200);
    assert.equal(edited.status, status);
    assert.equal(await codeOf(made.client_secret), code);
  }
  const actions = (await auditOf(vault, { object: made.credential.id })).map((one) => one.action);
  assert.deepEqual(actions, ['credential.disabled', 'credential.enabled', 'credential.disabled',
    'credential.created']);
});

test('an edit changes what it names, and test scopes narrow and widen at once', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account, { scopes: ['orders.read', 'products.read'] });
  const asked = (scope) => codeOf(made.client_secret, { scopes: [scope] });
  const edit = async (members) =>
    assertStatus(await account.developer.patch(path(made), members), 200);

  const named = await edit({ name: 'Named', description: 'At length' });
  assert.deepEqual([named.name, named.description], ['Named', 'At length']);
  assert.deepEqual(named.scopes, ['orders.read', 'products.read']);
  assert.equal((await edit({ description: null })).description, null);

  await edit({ scopes: ['products.read'] });
  assert.equal(await asked('orders.read'), 'INSUFFICIENT_SCOPE');
  assert.equal(await asked('products.read'), 'VALID');
  await edit({ scopes: ['products.read', 'themes.read'] });
  assert.equal(await asked('themes.read'), 'VALID');

  await edit({ allowed_ips: ['192.0.2.0/24', '2001:db8::/32'] });
  assert.equal(await codeOf(made.client_secret, { ip: '192.0.2.9' }), 'VALID');
  assert.equal(await codeOf(made.client_secret, { ip: '2001:db8::1' }), 'VALID');
  assert.equal(await codeOf(made.client_secret, { ip: '198.51.100.1' }), 'IP_DENIED');
  assert.equal(await codeOf(made.client_secret), 'IP_DENIED');
  await edit({ allowed_ips: [] });
  assert.equal(await codeOf(made.client_secret), 'VALID');
});

test('a live key can have fewer scopes at once, and more only by a request', async () => {
  const account = await newAccount(vault);
  const made = await newLiveKey(vault, account, { scopes: ['themes.read', 'products.read'] });
  const wider = { scopes: ['themes.read', 'products.read', 'disputes.read'] };
  assertProblem(await account.developer.patch(path(made), wider), 422, 'approval_required');
  assertStatus(await account.developer.patch(path(made), { scopes: ['themes.read'] }), 200);
  const told = await verify(vault, made.client_secret, { scopes: ['products.read'] });
  assert.equal(told.code, 'INSUFFICIENT_SCOPE');
  assert.deepEqual(told.missing_scopes, ['products.read']);
  const back = { scopes: ['themes.read', 'products.read'] };
  assertProblem(await account.developer.patch(path(made), back), 422, 'approval_required');
});

test('rotated with grace, the old secret works until its time is over', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  const rotated = assertStatus(
    await account.developer.post(path(made, '/rotate'), { grace_s: 60 }), 200);
  assert.notEqual(rotated.client_secret, made.client_secret);
  assert.equal(rotated.credential.client_id, made.credential.client_id);
  assert.equal(await codeOf(made.client_secret), 'VALID');
  assert.equal(await codeOf(rotated.client_secret), 'VALID');
  await vault.advance(MINUTE + 1);
  assert.equal(await codeOf(made.client_secret), 'NOT_FOUND');
  assert.equal(await codeOf(rotated.client_secret), 'VALID');

  const again = assertStatus(
    await account.developer.post(path(made, '/rotate'), { grace_s: 0 }), 200);
  assert.equal(await codeOf(rotated.client_secret), 'NOT_FOUND');
  assert.equal(await codeOf(again.client_secret), 'VALID');
});

test('a rotation in another\'s grace ends the oldest at once', async () => {
  const account = await newAccount(vault);
  const first = await newTestKey(account);
  const rotate = async () => (await account.developer.post(path(first, '/rotate'), {})).body;
  const second = await rotate();
  const third = await rotate();
  assert.equal(await codeOf(first.client_secret), 'NOT_FOUND');
  assert.equal(await codeOf(second.client_secret), 'VALID');
  assert.equal(await codeOf(third.client_secret), 'VALID');
});

test('grace is within what the policy permits, and never past the end', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account, { expires_in_s: 60 });
  assertProblem(await account.developer.post(path(made, '/rotate'), { grace_s: 8 * 86400 }), 422,
    'policy_refused');
  const { credential } = assertStatus(
    await account.developer.post(path(made, '/rotate'), { grace_s: 86400 }), 200);
  assert.equal(credential.grace_until, credential.expires_at);
});

test('revoked, it is refused for good, whatever is tried', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  const revoke = (reason) => account.developer.post(path(made, '/revoke'), { reason });
  const revoked = assertStatus(await revoke('key_compromise'), 200);
  assert.equal(await codeOf(made.client_secret), 'REVOKED');
  assert.deepEqual([revoked.status, revoked.revoke_reason], ['revoked', 'key_compromise']);

  assert.deepEqual(assertStatus(await revoke('superseded'), 200), revoked);
  for (const [method, verb, body] of [['PATCH', '', { status: 'active' }],
    ['PATCH', '', { name: 'x' }], ['POST', '/rotate', {}]])
    assertProblem(await account.developer.call(method, path(made, verb), { body }), 409,
      'conflict');
  assert.equal(await codeOf(made.client_secret), 'REVOKED');
  assert.equal((await auditOf(vault, { object: made.credential.id })).length, 2);
});

test('an admin can revoke, and nobody else\'s developer', async () => {
  const made = await newTestKey(await newAccount(vault));
  assertProblem(await vault.as('developer').post(path(made, '/revoke')), 404, 'not_found');
  assertStatus(await vault.as('admin').post(path(made, '/revoke')), 200);
  assert.equal(await codeOf(made.client_secret), 'REVOKED');
});

test('its time over, it is expired, gives its place back, and stays so', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account, { expires_in_s: 60 });
  await newTestKey(account);
  assert.equal(await codeOf(made.client_secret), 'VALID');
  await vault.advance(MINUTE);
  assert.equal(await codeOf(made.client_secret), 'EXPIRED');
  assert.equal((await account.developer.get(path(made))).body.status, 'expired');
  assertProblem(await account.developer.post(path(made, '/rotate')), 409, 'conflict');
  assertProblem(await account.developer.patch(path(made), { status: 'active' }), 409, 'conflict');
  await vault.until(async () =>
    (await auditOf(vault, { object: made.credential.id }))[0].action === 'credential.expired');
  await newTestKey(account);
});

test('its account suspended, every key is refused at once, and good again at once', async () => {
  const account = await newAccount(vault);
  const keys = [await newTestKey(account), await newLiveKey(vault, account)];
  const other = await newTestKey(await newAccount(vault));
  const set = async (members) =>
    assertStatus(await vault.as('admin').patch(`/v1/accounts/${account.id}`, members), 200);
  for (let round = 0; round < 3; round++) {
    await set({ status: 'suspended', suspend_reason: 'unpaid' });
    for (const key of keys) assert.equal(await codeOf(key.client_secret), 'SUSPENDED');
    assert.equal(await codeOf(other.client_secret), 'VALID');
    await set({ status: 'active' });
    for (const key of keys) assert.equal(await codeOf(key.client_secret), 'VALID');
  }
  await set({ status: 'suspended', suspend_reason: 'unpaid' });
  const order = { account_id: account.id, mode: 'test', name: 'no', scopes: ['orders.read'] };
  assertProblem(await account.developer.post('/v1/credentials', order), 422, 'account_suspended');
  const wish = { account_id: account.id, name: 'no', scopes: ['themes.read'], use_case: 'x' };
  assertProblem(await account.developer.post('/v1/requests', wish), 422, 'account_suspended');
});

test('nothing of a secret is kept, so none is told again', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  assertProblem(await account.developer.post(path(made, '/reveal')), 422, 'policy_refused');
  for (const answer of [await account.developer.get(path(made)),
    await account.developer.get('/v1/credentials')])
    assert.ok(!answer.text.includes(made.client_secret));
});
