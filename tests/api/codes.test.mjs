// A claim with a code that was sent apart: the link alone fetches nothing and uses nothing up; few
// wrong codes void it.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import {
  approve, auditOf, fetchClaim, newAccount, newClaim, newRequest, newTestKey, verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault, temporaryFolder } from './lib/vault.mjs';

const MINUTE = 60_000;
const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());
// What is so many in a minute would be more on a machine that needs longer for them.
await vault.turn({ advance_ms: 0, hold: true });

async function codedClaim() {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const path = `/v1/requests/${request.id}/claims`;
  const issued = assertStatus(await account.developer.post(path, { with_code: true }), 201);
  return { account, request, ...issued };
}
const look = async ({ claim }) =>
  assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);
const statusOf = async ({ account, request }) =>
  assertStatus(await account.developer.get(`/v1/credentials/${request.credential_id}`), 200).status;
/** Another code of the same form. */
const wrong = (code, by = 1) => {
  const number = (Number(code.replace('-', '')) + by) % 1e8;
  const digits = `${number}`.padStart(8, '0');
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
};

test('the code is told once, apart from the link, and the fetch asks for it', async () => {
  const issued = await codedClaim();
  assert.match(issued.code, /^\d{4}-\d{4}$/);
  assert.ok(!issued.url.includes(issued.code));
  const looked = await look(issued);
  assert.deepEqual([looked.needs_code, looked.wrong_codes, looked.good], [true, 0, true]);
  assert.equal(looked.code, undefined);
  const pair = assertStatus(await fetchClaim(vault, issued.claim, { code: issued.code }), 200);
  assert.equal((await verify(vault, pair.client_secret)).code, 'VALID');
});

test('dashes and spaces do not count; everything else does', async () => {
  for (const write of [(code) => code.replace('-', ''), (code) => code.replace('-', ' '),
    (code) => [...code].join(' ')]) {
    const issued = await codedClaim();
    assertStatus(await fetchClaim(vault, issued.claim, { code: write(issued.code) }), 200);
  }
  const issued = await codedClaim();
  for (const code of [issued.code.slice(0, -1), `${issued.code}0`])
    assertProblem(await fetchClaim(vault, issued.claim, { code }), 422, 'code_wrong');
  assertProblem(await fetchClaim(vault, issued.claim, { code: '0'.repeat(40) }), 400,
    'invalid_body');
});

test('a scanner that presses the button burns nothing, before the fetch and after it', async () => {
  const issued = await codedClaim();
  for (let i = 0; i < 50; i++)
    assertProblem(await fetchClaim(vault, issued.claim), 422, 'code_required');
  assert.equal((await look(issued)).wrong_codes, 0);
  const { client_secret } =
    assertStatus(await fetchClaim(vault, issued.claim, { code: issued.code }), 200);
  for (let i = 0; i < 5; i++)
    assertProblem(await fetchClaim(vault, issued.claim), 422, 'code_required');
  assert.equal((await verify(vault, client_secret)).code, 'VALID', 'no alarm without the code');
  assertProblem(await fetchClaim(vault, issued.claim, { code: issued.code }), 410,
    'already_claimed');
  assert.equal((await verify(vault, client_secret)).code, 'QUARANTINED', 'an alarm with it');
});

test('the fifth wrong code voids the claim; the right one is of no use then', async () => {
  const issued = await codedClaim();
  for (let i = 1; i <= 4; i++) {
    const answer = await fetchClaim(vault, issued.claim, { code: wrong(issued.code, i) });
    assert.match(assertProblem(answer, 422, 'code_wrong').detail, new RegExp(`${5 - i} more`));
    await vault.advance(MINUTE);
  }
  const last = await fetchClaim(vault, issued.claim, { code: wrong(issued.code, 5) });
  assertProblem(last, 410, 'claim_void');
  await vault.advance(MINUTE);
  assertProblem(await fetchClaim(vault, issued.claim, { code: issued.code }), 410, 'claim_void');
  const { id, state } = await look(issued);
  assert.equal(state, 'voided');
  const actions = (await auditOf(vault, { object: id })).map(({ action }) => action);
  assert.deepEqual(actions.slice(0, 2).sort(), ['claim.refused', 'claim.voided']);
  assert.equal(await statusOf(issued), 'pending_delivery', 'the grant is as good as before');
  const { claim } = await newClaim(issued.account, issued.request);
  assertStatus(await fetchClaim(vault, claim), 200);
});

test('guessing after the fetch is told no more than that it was fetched', async () => {
  const issued = await codedClaim();
  const { client_secret } =
    assertStatus(await fetchClaim(vault, issued.claim, { code: issued.code }), 200);
  for (let i = 1; i <= 4; i++) {
    const answer = await fetchClaim(vault, issued.claim, { code: wrong(issued.code, i) });
    assertProblem(answer, 422, 'code_wrong');
    await vault.advance(MINUTE);
  }
  for (const code of [wrong(issued.code, 5), wrong(issued.code, 6), issued.code]) {
    assertProblem(await fetchClaim(vault, issued.claim, { code }), 410, 'already_claimed');
    await vault.advance(MINUTE);
  }
  assert.equal((await look(issued)).state, 'used');
  assert.equal((await verify(vault, client_secret)).code, 'VALID', 'guesses are no alarm');
});

test('right after wrong ones it still fetches', async () => {
  const issued = await codedClaim();
  for (let i = 1; i <= 2; i++)
    assertProblem(await fetchClaim(vault, issued.claim, { code: wrong(issued.code, i) }), 422);
  assertStatus(await fetchClaim(vault, issued.claim, { code: issued.code }), 200);
});

test('few codes in a minute; who is told to wait has lost no try', async () => {
  const issued = await codedClaim();
  const answers = await together(40, (i) =>
    fetchClaim(vault, issued.claim, { code: wrong(issued.code, i + 1) }));
  const slowed = answers.filter(({ status }) => status === 429);
  assert.equal(slowed.length, 37);
  for (const answer of slowed) {
    assertProblem(answer, 429, 'rate_limited');
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
  assert.equal((await look(issued)).wrong_codes, 3);
  await vault.advance(MINUTE);
  assertStatus(await fetchClaim(vault, issued.claim, { code: issued.code }), 200);
});

test('a hundred who know the code: one of them has the pair', async () => {
  const issued = await codedClaim();
  const answers = await together(100, () =>
    fetchClaim(vault, issued.claim, { code: issued.code }));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
});

test('a code for a claim without one is refused, and uses nothing up', async () => {
  const account = await newAccount(vault);
  const { claim } = await newClaim(account, await approve(vault, await newRequest(account)));
  assert.equal((await look({ claim })).needs_code, false);
  assertProblem(await fetchClaim(vault, claim, { code: '1234-5678' }), 400, 'invalid_body');
  assertStatus(await fetchClaim(vault, claim), 200);
});

test('where the policy wants codes, each claim has one', async (t) => {
  const strict = await startVault(t, { policy: await writePolicy(t,
    { live: { claim_code: 'required' }, test: { claim_code: 'required' } }) });
  const account = await newAccount(strict);
  const live = await newClaim(account, await approve(strict, await newRequest(account)));
  const { claim: tested } = await newTestKey(account, { delivery: 'claim' });
  for (const { claim, code } of [live, tested]) {
    assertProblem(await fetchClaim(strict, claim), 422, 'code_required');
    assertStatus(await fetchClaim(strict, claim, { code }), 200);
  }
});

test('on the command line: asked for with the request, and read like every secret', async (t) => {
  const issued = await codedClaim();
  const state = await temporaryFolder(t);
  const args = ['claim', '--state-dir', state];
  const none = await countersign(t, args, { vault, input: `${issued.claim}\n` });
  assert.equal(none.status, 2);
  assert.match(none.stderr, /cannot read the code/);
  const wrongly = await countersign(t, args,
    { vault, input: `${issued.claim}\n${wrong(issued.code)}\n` });
  assert.equal(wrongly.status, 6, wrongly.stderr);
  const done = await countersign(t, args, { vault, input: `${issued.claim}\n${issued.code}\n` });
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^CLIENT_SECRET=cs_live_/m);

  const { request, account } = await codedClaim();
  const made = await countersign(t, ['request', 'claim', request.id, '--with-code', '--format',
    'json'], { vault, token: account.token });
  assert.match(made.json().code, /^\d{4}-\d{4}$/);
});
