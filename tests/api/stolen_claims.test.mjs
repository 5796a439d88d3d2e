// A link that stood where others read it: in a chat, a mail that was scanned, a browser's history.
// What a thief of it can do, before whom it is for and after, and what he cannot.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, auditOf, fetchClaim, newAccount, newClaim, newRequest, verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy(), logLevel: 'debug' });
after(() => vault.close());

async function liveClaim() {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  return { account, request, ...(await newClaim(account, request)), id: request.credential_id };
}
const codeOf = async ({ client_secret }) => (await verify(vault, client_secret)).code;
const look = async ({ claim }) =>
  assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);
const acknowledge = (claim, { client_id, client_secret }) =>
  vault.anonymous.post('/v1/claims/acknowledge', { claim, client_id }, {
    headers: {
      Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
    },
  });
const release = ({ id }) => vault.as('reviewer').post(`/v1/credentials/${id}/release`,
  { comment: 'The link stood in a chat; nobody has had the pair but us.' });

test('previews, scanners and buttons burn nothing, and no line has the link', async () => {
  const issued = await liveClaim();
  const { pathname, hash } = new URL(issued.url);
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const headers = { Referer: issued.url, 'User-Agent': `preview of ${issued.url}` };
  const seen = [`${pathname}`, `${pathname}%23${hash.slice(1)}`, `${pathname}/${issued.claim}`,
    `${pathname}?claim=${issued.claim}`, `/v1/claims?claim=${issued.claim}`,
    `/v1/claims/${issued.claim}`];
  for (const target of seen)
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE']) {
      const body = method === 'POST' ? `claim=${issued.claim}&fetch=1` : undefined;
      const { status, text } = await vault.anonymous.call(method, target,
        { body, headers: { ...headers, ...(body && form) }, unchecked: true });
      assert.ok(status >= 400 || method === 'OPTIONS', `${method} ${target}: ${status}`);
      assert.ok(!text.includes(issued.claim), text);
    }
  assert.ok(vault.log.split('\n').length > seen.length * 6, 'the log says nothing at all');
  assert.ok(!vault.log.includes(issued.claim) && !vault.log.includes(issued.claim.slice(-39)));
  const looked = await look(issued);
  assert.deepEqual([looked.state, looked.good], ['open', true]);
  assert.equal(looked.client_id, undefined, 'who looks learns what he could acknowledge with');
  const pair = assertStatus(await fetchClaim(vault, issued.claim), 200);
  assert.equal(await codeOf(pair), 'VALID');
});

test('a thief who comes first is found out, and what he has ends with the next claim', async () => {
  const issued = await liveClaim();
  const stolen = assertStatus(await fetchClaim(vault, issued.claim), 200);
  const told = assertProblem(await fetchClaim(vault, issued.claim), 410, 'already_claimed');
  assert.match(told.detail, /If that was not you/);
  assert.equal(await codeOf(stolen), 'QUARANTINED');
  const anew = await newClaim(issued.account, issued.request); // and nobody has to approve again
  assert.equal(await codeOf(stolen), 'NOT_FOUND');
  assertProblem(await acknowledge(issued.claim, stolen), 401, 'unauthenticated');
  assertProblem(await acknowledge(anew.claim, stolen), 401, 'unauthenticated');
  const pair = assertStatus(await fetchClaim(vault, anew.claim), 200);
  assert.equal(await codeOf(pair), 'VALID');
  assertProblem(await acknowledge(anew.claim, stolen), 401, 'unauthenticated');
  assertProblem(await fetchClaim(vault, issued.claim), 410, 'claim_void');
  assert.equal(await codeOf(pair), 'VALID', 'the stolen link is of no use against the new pair');
});

test('a thief who used what he has cannot be undone by a claim: the key is revoked', async () => {
  const issued = await liveClaim();
  const stolen = assertStatus(await fetchClaim(vault, issued.claim), 200);
  assert.equal(await codeOf(stolen), 'VALID');
  assertProblem(await fetchClaim(vault, issued.claim), 410, 'already_claimed');
  assert.equal(await codeOf(stolen), 'QUARANTINED');
  assertProblem(await issued.account.developer.post(`/v1/requests/${issued.request.id}/claims`),
    409, 'conflict');
  const path = `/v1/credentials/${issued.id}/revoke`;
  assertStatus(await issued.account.developer.post(path, { reason: 'key_compromise' }), 200);
  assert.equal(await codeOf(stolen), 'REVOKED');
});

test('a thief who comes late raises one alarm, and cannot hold the key down with it', async () => {
  const issued = await liveClaim();
  const pair = assertStatus(await fetchClaim(vault, issued.claim), 200);
  assertStatus(await acknowledge(issued.claim, pair), 200);
  assertProblem(await fetchClaim(vault, issued.claim), 410, 'already_claimed');
  assert.equal(await codeOf(pair), 'QUARANTINED');
  assert.equal(assertStatus(await release(issued), 200).status, 'active');
  for (let i = 0; i < 5; i++)
    assertProblem(await fetchClaim(vault, issued.claim), 410, 'already_claimed');
  assert.equal(await codeOf(pair), 'VALID', 'a person has decided about this link');
  const { id } = await look(issued);
  assert.equal((await auditOf(vault, { object: id, action: 'claim.replayed' })).length, 6);
});
