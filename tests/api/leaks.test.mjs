// Leaks that somebody reports: what was real is stopped, and the answer does not tell what was.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, auditOf, fetchClaim, newAccount, newClaim, newLiveKey, newRequest, newTestKey, newUser,
  verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { forgeToken } from './lib/tokens.mjs';
import { startVault } from './lib/vault.mjs';
import { seeded } from '../fault/lib/random.mjs';

const MINUTE = 60_000;
const random = seeded(62);
const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());
// What is so many in a minute would be more on a machine that needs longer for them.
await vault.turn({ advance_ms: 0, hold: true });

/** Each report in a minute of its own: the limit on reports is met only where it is meant. */
async function report(...tokens) {
  await vault.advance(MINUTE);
  return vault.anonymous.post('/v1/leaks', { tokens });
}
const codeOf = async (key) => (await verify(vault, key)).code;
const forge = (kind) => forgeToken(random, kind);

test('test keys are revoked, live ones quarantined, at once', async () => {
  const account = await newAccount(vault);
  const tested = await newTestKey(account);
  const live = await newLiveKey(vault, account);
  assertStatus(await report(tested.client_secret, live.client_secret), 202);
  assert.equal(await codeOf(tested.client_secret), 'REVOKED');
  assert.equal(await codeOf(live.client_secret), 'QUARANTINED');
  for (const [{ credential: { id } }, last] of
    [[tested, 'credential.revoked'], [live, 'credential.quarantined']]) {
    const told = (await auditOf(vault, { object: id })).map(({ action }) => action);
    assert.deepEqual(told.slice(0, 2), [last, 'credential.leaked']);
  }
  const shown = await account.developer.get(`/v1/credentials/${tested.credential.id}`);
  assert.equal(assertStatus(shown, 200).revoke_reason, 'key_compromise');
});

test('where the policy says so, live ones are revoked too, also out of quarantine', async (t) => {
  const policy = await writePolicy(t, { live: { on_leak: 'revoke' } });
  const strict = await startVault(t, { policy });
  const account = await newAccount(strict);
  const one = await newLiveKey(strict, account);
  const other = await newLiveKey(strict, account);
  assertProblem(await fetchClaim(strict, other.claim), 410, 'already_claimed');
  const tokens = [one.client_secret, other.client_secret];
  assertStatus(await strict.anonymous.post('/v1/leaks', { tokens }), 202);
  for (const key of tokens) assert.equal((await verify(strict, key)).code, 'REVOKED');
});

test('the answer is the same for what is real, known, over, forged and noise', async () => {
  const account = await newAccount(vault);
  const { client_secret } = await newTestKey(account);
  const answers = [];
  for (const token of [client_secret, client_secret, forge('test'), forge('live'), forge('claim'),
    forge('user'), forge('svc'), forge('id'), 'noise', `${client_secret}x`])
    answers.push(await report(token));
  for (const answer of answers) {
    assertStatus(answer, 202);
    assert.equal(answer.text, answers[0].text);
    assert.deepEqual(Object.keys(answer.headers), Object.keys(answers[0].headers));
  }
  assert.equal(await codeOf(client_secret), 'REVOKED');
});

test('a claim is void, a person is signed out, a gateway goes on and is told of', async () => {
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const { claim } = await newClaim(account, request);
  const person = await newUser(vault, { roles: ['auditor'] });
  assertStatus(await report(claim, person.token, vault.tokens.gateway), 202);
  assertProblem(await fetchClaim(vault, claim), 410, 'claim_void');
  assertProblem(await person.caller.get('/v1/audit'), 401, 'unauthenticated');
  const told = await auditOf(vault, { object: person.token_id });
  assert.deepEqual(told.slice(0, 2).map(({ action }) => action), ['token.revoked', 'token.leaked']);
  assert.equal((await auditOf(vault, { action: 'token.leaked' })).length, 2);
  assertStatus(await vault.as('gateway').get('/v1/whoami'), 200);
  const { client_secret } =
    assertStatus(await fetchClaim(vault, (await newClaim(account, request)).claim), 200);
  assert.equal(await codeOf(client_secret), 'VALID', 'the grant is as good as before');
});

test('a thousand in one report, real ones among them; not one more', async () => {
  const account = await newAccount(vault);
  const real = await Promise.all(Array.from({ length: 40 }, () => newTestKey(account)));
  const tokens = Array.from({ length: 960 }, () => forge('test'));
  real.forEach(({ client_secret }, i) => tokens.splice(i * 24, 0, client_secret));
  const answer = await report(...tokens);
  assert.equal(assertStatus(answer, 202).received, 1000);
  for (const { client_secret } of real) assert.equal(await codeOf(client_secret), 'REVOKED');
  for (const [wrong, pointer] of [[[...tokens, forge('test')], '/tokens'], [[], '/tokens'],
    [['a b'], '/tokens/0'], [['a', 'a'], '/tokens/1'], [[7], '/tokens/0']]) {
    const problem = assertProblem(await report(...wrong), 400, 'invalid_body');
    assert.equal(problem.errors[0].pointer, pointer);
  }
});

test('what was reported stands in no entry and no line of the log', async () => {
  const account = await newAccount(vault);
  const { client_secret } = await newTestKey(account);
  const forged = forge('live');
  assertStatus(await report(client_secret, forged), 202);
  const { text } = await vault.as('auditor').get('/v1/audit?limit=100');
  for (const token of [client_secret, forged])
    assert.ok(!text.includes(token) && !vault.log.includes(token));
  const [entry] = await auditOf(vault, { action: 'leak.reported' });
  assert.deepEqual(JSON.parse(entry.detail), { tokens: 2 });
});

test('so many reports of one address in a minute', async () => {
  await vault.advance(MINUTE);
  for (let i = 0; i < 20; i++)
    assertStatus(await vault.anonymous.post('/v1/leaks', { tokens: ['noise'] }), 202);
  const account = await newAccount(vault);
  const { client_secret } = await newTestKey(account);
  const slowed = await vault.anonymous.post('/v1/leaks', { tokens: [client_secret] });
  assertProblem(slowed, 429, 'rate_limited');
  assert.ok(Number(slowed.headers['retry-after']) > 0);
  assert.equal(await codeOf(client_secret), 'VALID');
  assertStatus(await report(client_secret), 202);
  assert.equal(await codeOf(client_secret), 'REVOKED');
});

test('the published patterns fit what is minted, and nothing that is cut or longer', async () => {
  const { regex, brand, kinds } =
    assertStatus(await vault.anonymous.get('/v1/leaks/patterns'), 200);
  assert.equal(brand, 'cs');
  const account = await newAccount(vault);
  const { client_secret, credential } = await newTestKey(account);
  const secrets = [client_secret, ...Object.values(vault.tokens)];
  for (const token of secrets) {
    assert.match(`key=${token};`, new RegExp(regex));
    const kind = kinds.find(({ kind: word }) => token.startsWith(`cs_${word}_`));
    assert.match(token, new RegExp(kind.regex));
    assert.equal(kind.secret, true);
    for (const wrong of [token.slice(0, -1), `${token}x`, `x${token}`, token.replace('cs_', 'CS_')])
      assert.doesNotMatch(wrong, new RegExp(regex));
  }
  assert.doesNotMatch(credential.client_id, new RegExp(regex));
  assert.equal(kinds.find(({ kind }) => kind === 'id').secret, false);
});
