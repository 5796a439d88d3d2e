// One-time retrieval: a claim gives its pair once, to whoever holds it, and a second fetch is an
// alarm; with a public key the pair comes sealed, and to that key again.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, auditOf, fetchClaim, newAccount, newClaim, newRequest, newTestKey, newUser, verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, {
  policy: await writePolicy(undefined, { test: { on_second_fetch: 'alert' } }),
});
after(() => vault.close());
await sodium.ready;

const look = (claim) => vault.anonymous.post('/v1/claims/lookup', { claim });
const acknowledge = (claim, { client_id, client_secret }, named = client_id) =>
  vault.anonymous.post('/v1/claims/acknowledge', { claim, client_id: named }, {
    headers: {
      Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
    },
  });

/** A live claim: {account, request, claim, id}, id being the credential's. */
async function liveClaim() {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const issued = await newClaim(account, request);
  return { account, request, ...issued, id: request.credential_id };
}
const actionsOf = async (id) => (await auditOf(vault, { object: id })).map(({ action }) => action);
const statusOf = async ({ account, id }) =>
  assertStatus(await account.developer.get(`/v1/credentials/${id}`), 200).status;

/** A claimant with an X25519 key pair: {public_key, open(sealed)}. */
function claimant() {
  const pair = sodium.crypto_box_keypair();
  return {
    public_key: Buffer.from(pair.publicKey).toString('base64'),
    open: (sealed) => JSON.parse(Buffer.from(sodium.crypto_box_seal_open(
      Buffer.from(sealed, 'base64'), pair.publicKey, pair.privateKey)).toString()),
  };
}

test('a claim is a token and a link with the token behind the #', async () => {
  const { claim, url } = await liveClaim();
  assert.match(claim, /^cs_claim_[0-9A-Za-z]{39}$/);
  const link = new URL(url);
  assert.equal(link.hash, `#${claim}`);
  assert.ok(!(link.pathname + link.search).includes(claim));
});

test('looking at a claim tells what it is for, and uses nothing', async () => {
  const { account, request, claim, id } = await liveClaim();
  for (let i = 0; i < 3; i++) {
    const looked = assertStatus(await look(claim), 200);
    assert.deepEqual([looked.state, looked.good], ['open', true]);
    assert.deepEqual([looked.credential_id, looked.request_id], [id, request.id]);
    assert.deepEqual([looked.name, looked.scopes], [request.name, request.scopes]);
    assert.equal(looked.account.id, account.id);
  }
  assertStatus(await fetchClaim(vault, claim), 200);
  const after = assertStatus(await look(claim), 200);
  assert.deepEqual([after.state, after.good], ['used', false]);
});

test('fetched, it is delivered; used, it is active', async () => {
  const fetched = await liveClaim();
  const pair = assertStatus(await fetchClaim(vault, fetched.claim), 200);
  assert.match(pair.client_secret, /^cs_live_[0-9A-Za-z]{39}$/);
  assert.equal(pair.client_id, pair.credential.client_id);
  assert.equal(pair.credential.status, 'delivered');
  const { client_id, client_secret } = pair;
  const asked = await vault.as('gateway').post('/v1/verify', { client_id, client_secret });
  assert.equal(assertStatus(asked, 200).code, 'VALID');
  await vault.until(async () => (await statusOf(fetched)) === 'active');
  const actions = await actionsOf(fetched.id);
  assert.ok(actions.includes('credential.delivered') && actions.includes('credential.activated'));
});

test('acknowledged by the pair itself, it is active', async () => {
  const fetched = await liveClaim();
  const pair = assertStatus(await fetchClaim(vault, fetched.claim), 200);
  const last = pair.client_secret.endsWith('x') ? 'y' : 'x';
  const wrong = { ...pair, client_secret: pair.client_secret.slice(0, -1) + last };
  const refused = await acknowledge(fetched.claim, wrong);
  assertProblem(refused, 401, 'unauthenticated');
  assert.match(refused.headers['www-authenticate'], /^Basic /);
  assertProblem(await acknowledge(fetched.claim, pair, `cs_id_${'0'.repeat(39)}`), 400);
  assertProblem(await vault.anonymous.post('/v1/claims/acknowledge',
    { claim: fetched.claim, client_id: pair.client_id }), 401, 'unauthenticated');
  const other = await newTestKey(fetched.account);
  assertProblem(await acknowledge(fetched.claim,
    { client_id: other.credential.client_id, client_secret: other.client_secret }), 401);
  assert.equal(await statusOf(fetched), 'delivered');
  for (let i = 0; i < 2; i++)
    assert.equal(assertStatus(await acknowledge(fetched.claim, pair), 200).status, 'active');
});

test('a second fetch is refused, logged, and quarantines where the policy says so', async () => {
  const fetched = await liveClaim();
  const { client_secret } = assertStatus(await fetchClaim(vault, fetched.claim), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assertProblem(await fetchClaim(vault, fetched.claim), 410, 'already_claimed');
  assert.equal((await verify(vault, client_secret)).code, 'QUARANTINED');
  assert.equal(await statusOf(fetched), 'quarantined');
  // That it was used for the first time is told beside, and maybe only now.
  const actions = (await actionsOf(fetched.id)).filter((one) => one !== 'credential.activated');
  assert.equal(actions[0], 'credential.quarantined');
  const { id } = assertStatus(await look(fetched.claim), 200);
  const [alarm] = await auditOf(vault, { object: id });
  assert.deepEqual([alarm.action, alarm.actor, alarm.account], ['claim.replayed', id,
    fetched.account.id]);
});

test('a reviewer ends a quarantine by a decision that the log has', async () => {
  const fetched = await liveClaim();
  const { client_secret } = assertStatus(await fetchClaim(vault, fetched.claim), 200);
  const release = (caller, body) => caller.post(`/v1/credentials/${fetched.id}/release`, body);
  const reviewer = vault.as('reviewer');
  assertProblem(await release(reviewer, { comment: 'Too early.' }), 409, 'conflict');
  assertProblem(await fetchClaim(vault, fetched.claim), 410, 'already_claimed');
  assertProblem(await release(reviewer, {}), 400, 'invalid_body');
  assertProblem(await release(reviewer, { comment: 'x'.repeat(301) }), 400, 'invalid_body');
  assertProblem(await release(fetched.account.developer, { comment: 'Mine.' }), 403, 'forbidden');
  assert.equal((await verify(vault, client_secret)).code, 'QUARANTINED');

  const comment = '"'.repeat(300); // each of them takes two bytes in the log
  assert.equal(assertStatus(await release(reviewer, { comment }), 200).status, 'delivered');
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  const [entry] = await auditOf(vault, { object: fetched.id, action: 'credential.released' });
  assert.deepEqual(JSON.parse(entry.detail), { comment });
  assert.match(entry.actor, /^user_/);
  assertProblem(await fetchClaim(vault, fetched.claim), 410, 'already_claimed');
  assert.equal((await verify(vault, client_secret)).code, 'VALID', 'one alarm of one link');
});

test('who asked for a key, or develops for its account, does not release it', async () => {
  const fetched = await liveClaim();
  assertStatus(await fetchClaim(vault, fetched.claim), 200);
  assertProblem(await fetchClaim(vault, fetched.claim), 410, 'already_claimed');
  const { caller: both } = await newUser(vault,
    { roles: ['developer', 'reviewer'], accounts: [fetched.account.id] });
  const path = `/v1/credentials/${fetched.id}/release`;
  assertProblem(await both.post(path, { comment: 'Fine.' }), 403, 'self_approval');
  const users = `/v1/users/${fetched.account.user.id}`;
  assertStatus(await vault.as('admin').patch(users, { roles: ['reviewer'], accounts: [] }), 200);
  assertProblem(await fetched.account.developer.post(path, { comment: 'Fine.' }), 403,
    'self_approval');
});

test('a pair in quarantine that was never used can be claimed anew', async () => {
  const { account, request, claim, id } = await liveClaim();
  const lost = assertStatus(await fetchClaim(vault, claim), 200);
  assertProblem(await fetchClaim(vault, claim), 410, 'already_claimed');
  assert.equal(await statusOf({ account, id }), 'quarantined');
  const { claim: anew } = await newClaim(account, request);
  assert.equal(await statusOf({ account, id }), 'pending_delivery');
  const { client_secret } = assertStatus(await fetchClaim(vault, anew), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assert.equal((await verify(vault, lost.client_secret)).code, 'NOT_FOUND');
});

test('a pair that was acknowledged stays in its quarantine, and is active after it', async () => {
  const { account, request, claim, id } = await liveClaim();
  const pair = assertStatus(await fetchClaim(vault, claim), 200);
  assertProblem(await fetchClaim(vault, claim), 410, 'already_claimed');
  assert.equal(assertStatus(await acknowledge(claim, pair), 200).status, 'quarantined');
  assertProblem(await account.developer.post(`/v1/requests/${request.id}/claims`), 409, 'conflict');
  const released = await vault.as('reviewer').post(`/v1/credentials/${id}/release`,
    { comment: 'It was us.' });
  assert.equal(assertStatus(released, 200).status, 'active');
});

test('where the policy only alerts, the key works on', async () => {
  const account = await newAccount(vault);
  const { claim: { claim } } = await newTestKey(account, { delivery: 'claim' });
  const { client_secret } = assertStatus(await fetchClaim(vault, claim), 200);
  for (let i = 0; i < 30; i++)
    assertProblem(await fetchClaim(vault, claim), 410, 'already_claimed');
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  const { id } = assertStatus(await look(claim), 200);
  const alarms = (await actionsOf(id)).filter((action) => action === 'claim.replayed');
  assert.equal(alarms.length, 20, 'the log takes so many of them, and no more');
});

test('a new claim voids the one before, fetched or not, and what it gave', async () => {
  const { account, request, claim: first } = await liveClaim();
  const { claim: second } = await newClaim(account, request);
  assertProblem(await fetchClaim(vault, first), 410, 'claim_void');
  assert.equal(assertStatus(await look(first), 200).state, 'voided');
  const given = assertStatus(await fetchClaim(vault, second), 200);

  const { claim: third } = await newClaim(account, request);
  assert.equal((await verify(vault, given.client_secret)).valid, false);
  const { client_secret } = assertStatus(await fetchClaim(vault, third), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assert.equal((await verify(vault, given.client_secret)).valid, false);
  await vault.until(async () => (await statusOf({ account, id: request.credential_id })) ===
    'active');
  assertProblem(await account.developer.post(`/v1/requests/${request.id}/claims`), 409, 'conflict');
});

test('a claim on what was revoked or taken back is void', async () => {
  const revoked = await liveClaim();
  assertStatus(await revoked.account.developer.post(`/v1/credentials/${revoked.id}/revoke`), 200);
  assertProblem(await fetchClaim(vault, revoked.claim), 410, 'claim_void');
  const taken = await liveClaim();
  const path = `/v1/grants/${taken.request.grant_id}/withdraw`;
  assertStatus(await vault.as('reviewer').post(path), 200);
  assertProblem(await fetchClaim(vault, taken.claim), 410, 'claim_void');
  assertProblem(await taken.account.developer.post(`/v1/requests/${taken.request.id}/claims`), 410,
    'claim_void');
});

test('with a public key the pair comes sealed, and to the same key again', async () => {
  const fetched = await liveClaim();
  const mine = claimant();
  const first = await fetchClaim(vault, fetched.claim, { public_key: mine.public_key });
  const { sealed, client_secret: plain, client_id } = assertStatus(first, 200);
  assert.equal(plain, undefined);
  const pair = mine.open(sealed);
  assert.equal(pair.client_id, client_id);
  for (let i = 0; i < 3; i++) {
    const again = await fetchClaim(vault, fetched.claim, { public_key: mine.public_key });
    assert.equal(assertStatus(again, 200).sealed, sealed);
  }
  assert.equal((await verify(vault, pair.client_secret)).code, 'VALID');

  assertStatus(await acknowledge(fetched.claim, pair), 200);
  const late = await fetchClaim(vault, fetched.claim, { public_key: mine.public_key });
  assertProblem(late, 410, 'already_claimed');
  assert.equal((await verify(vault, pair.client_secret)).code, 'VALID');
});

test('another key, or none, is a second fetch', async () => {
  for (const other of [{ public_key: claimant().public_key }, {}]) {
    const fetched = await liveClaim();
    const mine = claimant();
    const { sealed } = assertStatus(
      await fetchClaim(vault, fetched.claim, { public_key: mine.public_key }), 200);
    assertProblem(await fetchClaim(vault, fetched.claim, other), 410, 'already_claimed');
    const { client_secret } = mine.open(sealed);
    assert.equal((await verify(vault, client_secret)).code, 'QUARANTINED');
  }
});

test('a key that nothing can be sealed for uses nothing up', async () => {
  const { claim } = await liveClaim();
  for (const key of [Buffer.alloc(32), Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])]) {
    const answer = await fetchClaim(vault, claim, { public_key: key.toString('base64') });
    assert.equal(assertProblem(answer, 400, 'invalid_body').errors[0].pointer, '/public_key');
  }
  assertProblem(await fetchClaim(vault, claim, { code: '123456' }), 400, 'invalid_body');
  assertStatus(await fetchClaim(vault, claim), 200);
});

test('a test key can be handed on by a claim too', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account, { delivery: 'claim' });
  assert.equal(made.client_secret, undefined);
  assert.equal(made.credential.status, 'pending_delivery');
  const { client_secret } = assertStatus(await fetchClaim(vault, made.claim.claim), 200);
  assert.match(client_secret, /^cs_test_/);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
});
