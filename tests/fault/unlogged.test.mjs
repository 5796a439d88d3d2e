// Audit before release: while the log cannot be written nothing leaves the vault, by no way, and
// nothing has happened; once it can be again, all of it is as it was before.
import assert from 'node:assert/strict';
import test from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus } from '../api/lib/caller.mjs';
import {
  approve, auditCount, decide, fetchClaim, newAccount, newClaim, newRequest, newTestKey, verify,
} from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';
import { Rows, flipped } from './lib/rows.mjs';

const TOKEN = /\b[a-z]+_(?:test|live|claim|user|svc)_[0-9A-Za-z]{39}\b/;
const SEALED = /"sealed"|"receipt"/;
await sodium.ready;

/** What gives something out, or decides that it may be given: each by a call that would succeed. */
async function releases(vault) {
  const account = await newAccount(vault);
  const key = await newTestKey(account);
  const pending = await newRequest(account);
  const approved = await approve(vault, await newRequest(account));
  const handed = await approve(vault, await newRequest(account));
  const { claim } = await newClaim(account, handed);
  const boxed = await approve(vault, await newRequest(account));
  const { claim: boxedClaim } = await newClaim(account, boxed);
  const { publicKey } = sodium.crypto_box_keypair();
  const public_key = Buffer.from(publicKey).toString('base64');
  const post = (path, body) => () => account.developer.post(path, body);
  const of = `/v1/credentials/${key.credential.id}`;
  const order = { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] };
  return {
    account, key, claim, boxedClaim,
    calls: {
      'a test key': post('/v1/credentials', order),
      'a claim on a test key': post('/v1/credentials', { ...order, delivery: 'claim' }),
      'a rotation': post(`${of}/rotate`, { grace_s: 60 }),
      'a secret that was kept': post(`${of}/reveal`),
      'a claim': post(`/v1/requests/${approved.id}/claims`),
      'a pair': () => fetchClaim(vault, claim),
      'a pair in a box': () => fetchClaim(vault, boxedClaim, { public_key }),
      'an access token': post('/v1/tokens', { name: 'x' }),
      'an approval': () => decide(vault.as('reviewer'), pending, 'approve'),
      'a revocation': post(`${of}/revoke`),
    },
  };
}

/**
 * Puts the log's head under the vault that runs, which sees that from its next commit on: that a
 * key was used is written, and has no entry.
 */
async function putHead(vault, head, { client_secret }) {
  const rows = new Rows(vault);
  await rows.put('audit_head', head);
  const uses = async () => JSON.stringify(await rows.list('usage_last'));
  const before = await uses();
  await vault.until(async () => {
    assert.equal((await verify(vault, client_secret)).code, 'VALID');
    await vault.advance(15_000);
    return (await uses()) !== before;
  });
}

test('while the log cannot be written nothing is released, and nothing has happened', async (t) => {
  const policy = await writePolicy(t, { test: { secret: 'revealable' } });
  const vault = await startVault(t, { policy, testClock: true });
  const { account, key, claim, boxedClaim, calls } = await releases(vault);
  const before = await auditCount(vault);
  const [head] = await new Rows(vault).list('audit_head');
  const state = async () => ({
    credentials: assertStatus(await account.developer.get('/v1/credentials'), 200).items
      .map(({ uses_today, last_used_at, ...rest }) => rest),
    requests: assertStatus(await account.developer.get('/v1/requests'), 200).items
      .map(({ evidence, ...rest }) => rest),
    tokens: assertStatus(await account.developer.get('/v1/tokens'), 200).items.length,
    claims: await Promise.all([claim, boxedClaim].map(async (one) =>
      assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim: one }), 200))),
  });
  const was = await state();

  await putHead(vault, flipped(head, -1), key);
  for (const [what, call] of Object.entries(calls)) {
    const answer = await call();
    assertProblem(answer, 500, 'internal');
    assert.ok(!TOKEN.test(answer.text) && !SEALED.test(answer.text), what);
  }
  assert.deepEqual(await state(), was);

  await putHead(vault, head, key);
  assert.equal(await auditCount(vault), before, 'an entry of what did not happen');
  for (const [what, call] of Object.entries(calls)) {
    const answer = await call();
    assert.ok(answer.status < 300, `${what}: ${answer.status} ${answer.text}`);
  }
  await vault.stop(); // the log fits its tree, or it would not start
  await vault.start();
});
