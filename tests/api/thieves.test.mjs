// What somebody tries who wants a live key, or more of one, than reviewers said yes to: between the
// steps, at the same moment as another, and after the yes.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test, { after } from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import {
  approve, auditOf, decide, fetchClaim, newAccount, newClaim, newLiveKey, newRequest, newReviewer,
  newUser, verify,
} from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const SECURED = { name: 'secured', when: { any_scopes: ['orders.write'] }, approvals: 1,
  groups: ['security'] };
const PLAIN = { name: 'plain', approvals: 1 };
const policy = await writePolicy(undefined, { rules: [SECURED, PLAIN] });
const vault = await startVault(undefined, { policy, logLevel: 'warn' });
after(() => vault.close());
await sodium.ready;

const ROUNDS = 30;
const admin = vault.as('admin');
const show = async (request) =>
  assertStatus(await vault.as('auditor').get(`/v1/requests/${request.id}`), 200);
const edit = (user, members) => admin.patch(`/v1/users/${user.id}`, members);
const approval = ({ digest }) => ({ decision: 'approve', digest });
const decisions = ({ id }) => `/v1/requests/${id}/decisions`;
/** Both at once, in turns one or the other first. */
const atOnce = async (round, one, other) => {
  if (round % 2) return Promise.all([one(), other()]);
  const later = other();
  return Promise.all([one(), later]);
};
/** Where in the log an object's last entry of an action stands. */
const indexOf = async (object, action) => (await auditOf(vault, { object, action }))[0].index;

test('a key works from where it was approved for, whatever its developer edits', async () => {
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account, { allowed_ips: ['192.0.2.0/24'] });
  const path = `/v1/credentials/${key.credential.id}`;
  const move = (allowed_ips) => account.developer.patch(path, { allowed_ips });
  const from = async (ip) => (await verify(vault, key.client_secret, { ip })).code;
  for (const wider of [[], ['0.0.0.0/0'], ['192.0.2.0/23'], ['192.0.2.1', '198.51.100.1']]) {
    const { errors } = assertProblem(await move(wider), 422, 'approval_required');
    assert.equal(errors[0].pointer, '/allowed_ips');
    assert.equal(await from('198.51.100.1'), 'IP_DENIED');
  }
  assertStatus(await move(['192.0.2.128/25']), 200);
  assert.deepEqual([await from('192.0.2.1'), await from('192.0.2.129')], ['IP_DENIED', 'VALID']);
  assertStatus(await move(['192.0.2.0/24']), 200);
  assert.equal(await from('192.0.2.1'), 'VALID');
  const grant = await account.developer.get(`/v1/grants/${key.request.grant_id}`);
  assert.deepEqual(assertStatus(grant, 200).allowed_ips, ['192.0.2.0/24']);
});

test('an approval taken back while the pair is fetched: no pair works', async () => {
  const account = await newAccount(vault);
  const { publicKey } = sodium.crypto_box_keypair();
  const public_key = Buffer.from(publicKey).toString('base64');
  const reasons = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const members = round % 3 ? {} : { public_key };
    const request = await approve(vault, await newRequest(account));
    const { claim } = await newClaim(account, request);
    const withdraw = `/v1/grants/${request.grant_id}/withdraw`;
    const [fetched, taken] = await atOnce(round,
      () => fetchClaim(vault, claim, members), () => vault.as('reviewer').post(withdraw));
    assertStatus(taken, 200);
    assert.ok([200, 410].includes(fetched.status), `${fetched.status}`);
    reasons.add(fetched.body.code ?? 'fetched');
    if (fetched.body.client_secret)
      assert.equal((await verify(vault, fetched.body.client_secret)).code, 'REVOKED');
    // Neither the same claimant nor a new claim has it again, and it is over for good.
    assert.equal((await fetchClaim(vault, claim, members)).status, 410);
    assertProblem(await account.developer.post(`/v1/requests/${request.id}/claims`), 410,
      'claim_void');
    const path = `/v1/credentials/${request.credential_id}`;
    assert.equal(assertStatus(await account.developer.get(path), 200).status, 'revoked');
    if (fetched.status === 200) {
      const [out, over] = await Promise.all(['credential.delivered', 'credential.revoked'].map(
        (action) => indexOf(request.credential_id, action)));
      assert.ok(out < over);
    }
  }
  assert.ok(reasons.has('fetched') || reasons.has('claim_void'), [...reasons].join(' '));
});

test('what is given up while more is approved does not come back', async () => {
  const account = await newAccount(vault);
  for (let round = 0; round < ROUNDS; round++) {
    const scopes = ['products.read', 'themes.read'];
    const { credential, client_secret } = await newLiveKey(vault, account, { scopes });
    const more = { credential_id: credential.id, scopes: ['orders.read'] };
    const request = await newRequest(account, more);
    const [decided, narrowed] = await atOnce(round,
      () => vault.as('reviewer').post(decisions(request), approval(request)),
      () => account.developer.patch(`/v1/credentials/${credential.id}`,
        { scopes: ['themes.read'] }));
    assertStatus(narrowed, 200);
    assert.ok([201, 412].includes(decided.status), `${decided.status}`);
    const { scopes: left } = await verify(vault, client_secret);
    assert.deepEqual(left, ['themes.read']);
    const now = await show(request);
    assert.equal(now.state, decided.status === 201 ? 'approved' : 'pending');
    if (now.state === 'pending') assert.deepEqual(now.keeps, ['themes.read']);
  }
});

test('who asked stays who asked, whatever they become', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account);
  const becomes = [
    { roles: ['developer', 'reviewer'], groups: ['security'] },
    { roles: ['reviewer'], accounts: [] },
    { roles: ['reviewer', 'admin', 'auditor'] },
  ];
  for (const members of becomes) {
    assertStatus(await edit(account.user, members), 200);
    for (const decision of ['approve', 'reject', 'ask'])
      assertProblem(await decide(account.developer, request, decision), 403, 'self_approval');
  }
  assert.deepEqual((await show(request)).decisions, []);
});

test('a colleague who asks for a reviewer does not make it two people', async () => {
  const account = await newAccount(vault);
  const both = { roles: ['developer', 'reviewer'], accounts: [account.id] };
  const thief = await newUser(vault, both);
  const request = await newRequest({ ...account, developer: thief.caller });
  // Another token of the same person, and one that is renewed, is the same person.
  const order = { user_id: thief.user.id, name: 'another' };
  const { secret } = assertStatus(await admin.post('/v1/tokens', order), 201);
  for (const caller of [thief.caller, vault.with(secret)])
    assertProblem(await decide(caller, request, 'approve'), 403, 'self_approval');
});

/* What is taken from a reviewer at the moment of the decision, and what the log says came first. */
const losses = [
  { what: 'the group', members: { groups: [] }, codes: ['not_in_group'] },
  { what: 'the role', members: { roles: ['auditor'] }, codes: ['forbidden'] },
  { what: 'everything', members: { status: 'disabled' }, codes: ['unauthenticated'] },
];
for (const { what, members, codes } of losses) {
  test(`who loses ${what} while deciding has decided before, or not at all`, async () => {
    const account = await newAccount(vault);
    const seen = new Set();
    for (let round = 0; round < ROUNDS; round++) {
      const { user, caller } = await newReviewer(vault, 'security');
      const request = await newRequest(account, { scopes: ['orders.write'] });
      const headers = { 'Idempotency-Key': `once-${round}` };
      const send = () => caller.post(decisions(request), approval(request), { headers });
      const [decided, lost] = await atOnce(round, send, () => edit(user, members));
      assertStatus(lost, 200);
      const now = await show(request);
      if (decided.status === 201) {
        assert.equal(now.state, 'approved');
        assert.ok(await indexOf(request.id, 'request.approved') <
          await indexOf(user.id, 'user.changed'));
      } else {
        assert.ok(codes.includes(decided.body.code), decided.text);
        assert.deepEqual([now.state, now.decisions], ['pending', []]);
      }
      seen.add(decided.status);
      // What was answered before is not told again to who was changed since.
      const again = await send();
      if (again.status === 409) assert.equal(again.body.code, 'replay_expired');
      else assert.ok([401, 403].includes(again.status), again.text);
    }
    assert.ok(seen.size > 0);
  });
}

test('nothing is approved under a policy that the log says is over', async (t) => {
  const needed = (approvals) => policyText({ rules: [{ name: 'all', approvals }] });
  const file = await writePolicy(t, { rules: [{ name: 'all', approvals: 1 }] });
  const own = await startVault(t, { policy: file, logLevel: 'warn' });
  const account = await newAccount(own);
  const entries = async (action) => (await auditOf(own, { action, order: 'oldest' })).map(
    ({ index, detail }) => ({ index, ...JSON.parse(detail) }));
  const changes = () => entries('policy.changed');
  const inForce = new Map([[(await changes())[0].digest, 1]]);
  for (let round = 1; round <= 12; round++) {
    const requests = await together(16, () => newRequest(account));
    await writeFile(file, needed(1 + (round % 2)));
    const one = own.as('reviewer');
    const answers = together(16, (i) => one.post(decisions(requests[i]), approval(requests[i])));
    own.signal('SIGHUP');
    for (const { status } of await answers)
      assert.ok([201, 412, 503].includes(status), `${status}`);
    await own.until(async () => (await changes()).length > round);
    inForce.set((await changes())[round].digest, 1 + (round % 2));
  }
  const times = (await changes()).map(({ index, digest }) => [index, inForce.get(digest)]);
  for (const action of ['request.approved', 'request.decided'])
    for (const { index, needed: asked } of await entries(action))
      assert.equal(asked, times.findLast(([since]) => since < index)[1], action);
});
