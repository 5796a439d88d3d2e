// What ends on its own, by the server's clock: requests, claims, grants, and the answers kept for a
// repeated Idempotency-Key. The clock is turned, nothing is waited for but the sweeper.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, auditOf, decide, fetchClaim, newAccount, newClaim, newRequest, newTestKey, verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, {
  live: { request_expires_after: '14d', claim_expires_after: '72h', grant_expires_after: '7d' },
});
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const show = async ({ developer }, path) => assertStatus(await developer.get(path), 200);
const look = async (claim) =>
  assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);

/** Resolves once the sweeper has written `action` about the object. */
function swept(id, action) {
  return vault.until(async () =>
    (await auditOf(vault, { object: id })).some((entry) => entry.action === action));
}

for (const [what, prepare] of [
  ['pending', async () => {}],
  ['waiting for an answer', async (request) => decide(vault.as('reviewer'), request, 'ask')],
])
  test(`a request that is ${what} expires, and can be decided no more`, async () => {
    const account = await newAccount(vault);
    const request = await newRequest(account);
    assert.equal(Date.parse(request.expires_at) - Date.parse(request.created_at), 14 * DAY);
    await prepare(request);
    await vault.advance(14 * DAY - MINUTE);
    assert.notEqual((await show(account, `/v1/requests/${request.id}`)).state, 'expired');
    await vault.advance(MINUTE);
    assert.equal((await show(account, `/v1/requests/${request.id}`)).state, 'expired');
    assertProblem(await decide(vault.as('reviewer'), request, 'approve'), 409, 'conflict');
    assertProblem(await account.developer.post(`/v1/requests/${request.id}/withdraw`), 409);
    await swept(request.id, 'request.expired');
    const { items } = await show(account, '/v1/requests?state=expired');
    assert.deepEqual(items.map(({ id }) => id), [request.id]);
  });

test('a claim expires, and what it was for can be claimed again', async () => {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const first = await newClaim(account, request);
  await vault.advance(72 * HOUR - MINUTE);
  assert.equal((await look(first.claim)).good, true);
  await vault.advance(MINUTE);
  const looked = await look(first.claim);
  assert.deepEqual([looked.state, looked.good], ['expired', false]);
  assertProblem(await fetchClaim(vault, first.claim), 410, 'claim_expired');
  await swept(looked.id, 'claim.expired');

  const second = await newClaim(account, request);
  const { client_secret } = assertStatus(await fetchClaim(vault, second.claim), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assertProblem(await fetchClaim(vault, first.claim), 410, 'claim_expired');
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
});

test('a grant expires: no claim on it any more, and its credential is over', async () => {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  await vault.advance(6 * DAY);
  const claim = await newClaim(account, request);
  assert.ok(Date.parse(claim.expires_at) - Date.parse(request.decided_at) <= 7 * DAY);
  await vault.advance(DAY);
  assertProblem(await account.developer.post(`/v1/requests/${request.id}/claims`), 410,
    'claim_expired');
  assertProblem(await fetchClaim(vault, claim.claim), 410);
  await swept(request.credential_id, 'credential.revoked');
});

test('a grant whose key was fetched in time ends nothing', async () => {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const { claim } = await newClaim(account, request);
  const { client_secret } = assertStatus(await fetchClaim(vault, claim), 200);
  await vault.advance(8 * DAY);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
});

test('a claim lives no longer than what it fetches', async () => {
  const account = await newAccount(vault);
  const { credential, claim } = await newTestKey(account, { delivery: 'claim', expires_in_s: 60 });
  assert.equal(claim.expires_at, credential.expires_at);
  await vault.advance(MINUTE);
  assertProblem(await fetchClaim(vault, claim.claim), 410);
});

test('an answer with a secret is had again for ten minutes, and then told to be gone', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, mode: 'test', name: 'once', scopes: ['orders.read'] };
  const send = (key) =>
    account.developer.post('/v1/credentials', order, { headers: { 'Idempotency-Key': key } });
  const first = assertStatus(await send('a'), 201);
  await vault.advance(10 * MINUTE - 1000);
  assert.deepEqual(assertStatus(await send('a'), 201), first);
  await vault.advance(1000);
  assertProblem(await send('a'), 409, 'replay_expired');
  await vault.advance(23 * HOUR);
  assertProblem(await send('a'), 409, 'replay_expired');
  assert.equal((await show(account, '/v1/credentials')).items.length, 1);
  await vault.advance(HOUR);
  assert.notEqual(assertStatus(await send('a'), 201).credential.id, first.credential.id);
});

test('another answer is had again for a day, and then the thing is done anew', async () => {
  const account = await newAccount(vault);
  const order = { account_id: account.id, name: 'x', scopes: ['products.read'], use_case: 'x' };
  const send = () =>
    account.developer.post('/v1/requests', order, { headers: { 'Idempotency-Key': 'b' } });
  const first = assertStatus(await send(), 201);
  await vault.advance(DAY - MINUTE);
  assert.deepEqual(assertStatus(await send(), 201), first);
  await vault.advance(MINUTE);
  assert.notEqual(assertStatus(await send(), 201).id, first.id);
});

test('an access token ends when it was said to', async () => {
  const { developer } = await newAccount(vault);
  const order = { name: 'short', expires_in_s: 60 };
  const { secret } = assertStatus(await developer.post('/v1/tokens', order), 201);
  assertStatus(await vault.with(secret).get('/v1/whoami'), 200);
  await vault.advance(MINUTE);
  assertProblem(await vault.with(secret).get('/v1/whoami'), 401, 'unauthenticated');
});

test('a token that ends makes none for its own person that ends later', async () => {
  const { developer } = await newAccount(vault);
  const make = async (caller, members) =>
    caller.post('/v1/tokens', { name: 'one more', ...members });
  const first = assertStatus(await make(developer, { expires_in_s: 3600 }), 201);
  const caller = vault.with(first.secret);
  const { errors } = assertProblem(await make(caller, { expires_in_s: 3601 }), 422,
    'policy_refused');
  assert.equal(errors[0].pointer, '/expires_in_s');
  const second = assertStatus(await make(caller), 201);
  assert.equal(second.token.expires_at, first.token.expires_at);
  const short = assertStatus(await make(caller, { expires_in_s: 60 }), 201);
  assert.ok(Date.parse(short.token.expires_at) < Date.parse(first.token.expires_at));
  assert.equal(assertStatus(await make(developer), 201).token.expires_at, null);
  // What an admin makes for others is the admin's to answer for.
  const admin = assertStatus(await make(vault.as('admin'), { expires_in_s: 60 }), 201);
  const service = await make(vault.with(admin.secret), { kind: 'service', roles: ['metrics'] });
  assert.equal(assertStatus(service, 201).token.expires_at, null);
});
