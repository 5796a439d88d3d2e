// Exactly once, with many at the door: claims, limits, decisions. Each race is run many times, and
// afterwards the vault is asked what it holds.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { after } from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import {
  approve, auditOf, decide, fetchClaim, newAccount, newClaim, newRequest, newReviewer, newTestKey,
  verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, {
  policy: await writePolicy(undefined, { test: { max_active: 2 } }),
  logLevel: 'warn',
});
after(() => vault.close());
await sodium.ready;

const RACERS = 200;
const account = await newAccount(vault);

/** How many answers have each status: {200: 1, 410: 199}. */
function tally(answers) {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function liveClaim() {
  const request = await approve(vault, await newRequest(account));
  return { ...(await newClaim(account, request)), request, id: request.credential_id };
}

test('two hundred fetches of one claim, a hundred times: one pair each', async () => {
  for (let round = 0; round < 100; round++) {
    const { claim, id } = await liveClaim();
    const answers = await together(RACERS, () => fetchClaim(vault, claim));
    assert.deepEqual(tally(answers), { 200: 1, 410: RACERS - 1 }, `round ${round}`);
    const { client_secret, credential } = answers.find(({ status }) => status === 200).body;
    assert.equal(credential.id, id);
    for (const { status, body } of answers)
      if (status === 410) assert.equal(body.code, 'already_claimed');
    assert.equal((await verify(vault, client_secret)).code, 'QUARANTINED');
    const delivered = await auditOf(vault, { object: id, action: 'credential.delivered' });
    assert.equal(delivered.length, 1);
  }
});

test('a hundred with a key each: one box, that only its key opens', async () => {
  const pairs = Array.from({ length: 100 }, () => sodium.crypto_box_keypair());
  const texts = pairs.map(({ publicKey }) => Buffer.from(publicKey).toString('base64'));
  for (let round = 0; round < 10; round++) {
    const { claim, id } = await liveClaim();
    const answers = await together(100, (i) => fetchClaim(vault, claim, { public_key: texts[i] }));
    assert.deepEqual(tally(answers), { 200: 1, 410: 99 });
    const winner = answers.findIndex(({ status }) => status === 200);
    const { publicKey, privateKey } = pairs[winner];
    const box = Buffer.from(answers[winner].body.sealed, 'base64');
    const opened = JSON.parse(
      Buffer.from(sodium.crypto_box_seal_open(box, publicKey, privateKey)).toString());
    assert.equal((await verify(vault, opened.client_secret)).code, 'QUARANTINED');
    const told = await auditOf(vault, { object: id });
    assert.equal(told.filter(({ action }) => action === 'credential.quarantined').length, 1);
    const looked = assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);
    const alarms = await auditOf(vault, { object: looked.id, action: 'claim.replayed' });
    assert.equal(alarms.length, 20, 'as many of the 99 as the log takes');
  }
});

/** Ways to say that a pair arrived: whether it counts as that is for the answer to say. */
const arrivals = {
  async acknowledged({ claim, client_id, client_secret }) {
    const proof = createHmac('sha256', client_secret).update(`countersign acknowledge ${claim}`)
      .digest('base64');
    const said = await vault.anonymous.post('/v1/claims/acknowledge', { claim, client_id, proof });
    if (said.status !== 200) assertProblem(said, 401, 'unauthenticated');
  },
  used: ({ client_secret }) => verify(vault, client_secret),
};

for (const [what, arrive] of Object.entries(arrivals))
  test(`${what} and claimed anew at once: one of the two, never two good secrets`, async (t) => {
    let kept = 0;
    for (let round = 0; round < 50; round++) {
      const { request, claim } = await liveClaim();
      const pair = { claim, ...assertStatus(await fetchClaim(vault, claim), 200) };
      const path = `/v1/requests/${request.id}/claims`;
      const both = [() => arrive(pair), () => account.developer.post(path)];
      const answers = await Promise.all((round % 2 ? both : both.reverse()).map((one) => one()));
      const anew = answers[round % 2];
      const { code } = await verify(vault, pair.client_secret);
      if (anew.status !== 201) {
        assertProblem(anew, 409, 'conflict');
        assert.equal(code, 'VALID', `round ${round}`);
        kept++;
        continue;
      }
      assert.equal(code, 'NOT_FOUND', `round ${round}`);
      const next = assertStatus(await fetchClaim(vault, anew.body.claim), 200);
      assert.equal((await verify(vault, next.client_secret)).code, 'VALID');
      assert.equal((await verify(vault, pair.client_secret)).code, 'NOT_FOUND');
      assertProblem(await fetchClaim(vault, claim), 410, 'claim_void');
      assert.equal((await verify(vault, next.client_secret)).code, 'VALID', 'the old link harms');
    }
    t.diagnostic(`kept ${kept} times, claimed anew ${50 - kept} times`);
  });

test('fifty creations where the policy permits two: two', async () => {
  for (let round = 0; round < 10; round++) {
    const own = await newAccount(vault);
    const order = { account_id: own.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
    const answers = await together(50, () => own.developer.post('/v1/credentials', order));
    assert.deepEqual(tally(answers), { 201: 2, 409: 48 }, `round ${round}`);
    for (const answer of answers)
      if (answer.status === 409) assertProblem(answer, 409, 'limit_reached');
    const { items } = assertStatus(await own.developer.get('/v1/credentials'), 200);
    const made = answers.filter(({ status }) => status === 201).map(({ body }) => body);
    assert.deepEqual(items.map(({ id }) => id).sort(),
      made.map(({ credential }) => credential.id).sort());
    for (const { client_secret } of made)
      assert.equal((await verify(vault, client_secret)).code, 'VALID');
  }
});

test('places that are given back and taken by many are never more than two', async () => {
  const own = await newAccount(vault);
  const order = { account_id: own.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  await together(8, async () => {
    for (let i = 0; i < 25; i++) {
      const { status, body } = await own.developer.post('/v1/credentials', order);
      assert.ok([201, 409].includes(status));
      if (status !== 201) continue;
      const { items } = (await own.developer.get('/v1/credentials?status=active')).body;
      assert.ok(items.length <= 2, `${items.length} are active`);
      const path = `/v1/credentials/${body.credential.id}/revoke`;
      await together(2, async () => assertStatus(await own.developer.post(path), 200));
    }
  });
  const answers = [];
  for (let i = 0; i < 3; i++) answers.push(await own.developer.post('/v1/credentials', order));
  assert.deepEqual(tally(answers), { 201: 2, 409: 1 });
});

/** Runs `race(request)` on a request of its own, and checks that what is there is what was said. */
async function decided(members, race) {
  const request = await newRequest(account, members);
  const answers = await race(request);
  const now = (await account.developer.get(`/v1/requests/${request.id}`)).body;
  const said = answers.filter(({ status }) => status === 201);
  assert.equal(now.decisions.length, said.length, 'a decision was lost or doubled');
  const logged = await auditOf(vault, { object: request.id });
  assert.equal(logged.length, said.length + 1, 'the log tells of others');
  const receipts = said.map(({ body }) => body.receipt.index).sort();
  assert.deepEqual(receipts, logged.slice(0, -1).map(({ index }) => index).sort());
  const approvals = now.decisions.filter(({ kind, counts }) => kind === 'approve' && counts).length;
  assert.equal(now.state === 'approved', now.credential_id !== null);
  if (now.state === 'approved') assert.ok(approvals >= request.rule.approvals_needed);
  else if (now.state === 'pending') assert.ok(approvals < request.rule.approvals_needed);
  return { now, statuses: answers.map(({ status }) => status) };
}

const [one, two] = [vault.as('reviewer'), vault.as('reviewer2')];
const order = (decision, { digest }) => ({ decision, digest, comment: 'Seen.' });
const at = ({ id }) => `/v1/requests/${id}/decisions`;
const send = (who, decision, request) => who.post(at(request), order(decision, request));

test('two approve at once where one is enough: one of them is told it is over', async () => {
  for (let round = 0; round < 50; round++) {
    const { now, statuses } = await decided({}, (request) =>
      Promise.all([send(one, 'approve', request), send(two, 'approve', request)]));
    assert.deepEqual(statuses.sort(), [201, 409]);
    assert.equal(now.state, 'approved');
  }
});

test('two approve at once where two are needed: both count, one credential is made', async () => {
  for (let round = 0; round < 50; round++) {
    const { now, statuses } = await decided({ scopes: ['orders.write'] }, (request) =>
      Promise.all([send(one, 'approve', request), send(two, 'approve', request)]));
    assert.deepEqual(statuses, [201, 201]);
    assert.equal(now.state, 'approved');
    const made = await auditOf(vault, { object: now.credential_id });
    assert.deepEqual(made.map(({ action }) => action), ['credential.created']);
  }
});

test('one approves and one rejects: one outcome, which both see', async () => {
  const outcomes = new Set();
  for (let round = 0; round < 50; round++) {
    const { now, statuses } = await decided({}, (request) => {
      const both = [() => send(one, 'approve', request), () => send(two, 'reject', request)];
      return Promise.all((round % 2 ? both : both.reverse()).map((fn) => fn()));
    });
    assert.deepEqual(statuses.sort(), [201, 409]);
    outcomes.add(now.state);
  }
  assert.deepEqual([...outcomes].sort(), ['approved', 'rejected']);
});

test('one reviewer twenty times at once counts once', async () => {
  for (let round = 0; round < 10; round++) {
    const { now, statuses } = await decided({ scopes: ['orders.write'] }, (request) =>
      together(20, () => send(one, 'approve', request)));
    assert.equal(statuses.filter((status) => status === 201).length, 1);
    assert.equal(now.state, 'pending');
  }
});

test('ten reviewers at once where two are needed: two count', async () => {
  const reviewers = await together(10, async () => (await newReviewer(vault)).caller);
  for (let round = 0; round < 10; round++) {
    const { now, statuses } = await decided({ scopes: ['orders.write'] }, (request) =>
      together(10, (i) => send(reviewers[i], 'approve', request)));
    assert.equal(statuses.filter((status) => status === 201).length, 2);
    assert.equal(now.state, 'approved');
  }
});

test('a change and an approval at once: never a key that nobody approved', async () => {
  for (let round = 0; round < 50; round++) {
    const request = await newRequest(account, { scopes: ['products.read'] });
    const [decision, change] = await Promise.all([
      send(one, 'approve', request),
      account.developer.patch(`/v1/requests/${request.id}`, { scopes: ['products.write'] }),
    ]);
    assert.ok([201, 412].includes(decision.status) && [200, 409].includes(change.status));
    const now = (await account.developer.get(`/v1/requests/${request.id}`)).body;
    if (decision.status === 201) {
      assert.deepEqual([now.state, now.scopes], ['approved', ['products.read']]);
      const made = await account.developer.get(`/v1/credentials/${now.credential_id}`);
      assert.deepEqual(made.body.scopes, ['products.read']);
    } else {
      assert.deepEqual([now.state, now.scopes], ['pending', ['products.write']]);
      assert.equal(now.credential_id, null);
    }
  }
});

test('an acknowledged revocation is seen by the next verification, on any connection', async () => {
  for (let round = 0; round < 50; round++) {
    const own = await newAccount(vault);
    const { credential, client_secret } = await newTestKey(own);
    assert.equal((await verify(vault, client_secret)).code, 'VALID');
    assertStatus(await own.developer.post(`/v1/credentials/${credential.id}/revoke`), 200);
    const told = await together(8, () => verify(vault, client_secret));
    assert.deepEqual([...new Set(told.map(({ code }) => code))], ['REVOKED']);
  }
});
