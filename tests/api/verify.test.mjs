// Verification over HTTP: every code of the closed list, and what is told beside it.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { ways } from './lib/codes.mjs';
import { newAccount, newLiveKey, newTestKey, verify } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, { test: { rate_limit: '60/1m' } });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());
const gateway = vault.as('gateway');
const ask = async (body) => assertStatus(await gateway.post('/v1/verify', body), 200);
const changed = (token) =>
  token.slice(0, -7) + (token.at(-7) === 'a' ? 'b' : 'a') + token.slice(-6);


const { properties } = vault.contract.follow({ $ref: '#/components/schemas/verification' });

test('the codes are those of the document', () => {
  assert.deepEqual(Object.keys(ways).sort(), [...properties.code.enum].sort());
});

for (const [code, way] of Object.entries(ways).filter(([, one]) => one))
  test(`${code} is told as such`, async () => {
    const account = await newAccount(vault);
    const told = await ask(await way(vault, account));
    assert.equal(told.code, code);
    assert.equal(told.valid, code === 'VALID');
    const proved = !['MISSING', 'MALFORMED', 'NOT_FOUND'].includes(code);
    assert.equal(told.account_id, proved ? account.id : null);
    for (const name of ['credential_id', 'client_id', 'mode', 'name', 'scopes'])
      assert.equal(told[name] !== null, proved, `${name}, proved: ${proved}`);
    const missing = code === 'INSUFFICIENT_SCOPE' ? ['orders.write'] : undefined;
    assert.deepEqual(told.missing_scopes, missing);
    assert.equal('retry_after_s' in told, code === 'RATE_LIMITED');
  });

test('the pair proves as the secret alone does, and a strange half proves nothing', async () => {
  const account = await newAccount(vault);
  const { credential: { client_id }, client_secret } = await newTestKey(account);
  const other = await newTestKey(account);
  assert.equal((await ask({ client_id, client_secret })).code, 'VALID');
  const strange = { client_id: other.credential.client_id, client_secret };
  assert.equal((await ask(strange)).code, 'NOT_FOUND');
  assert.equal((await ask({ client_id: 'x', client_secret })).code, 'MALFORMED');
  assert.equal((await ask({ client_id })).code, 'MISSING');
  assertProblem(await gateway.post('/v1/verify', { key: client_secret, client_id }), 400);
  assertProblem(await gateway.post('/v1/verify', { key: client_secret, ip: 'here' }), 400);
});

test('no other token is a key, and no other spelling of one', async () => {
  const account = await newAccount(vault);
  const { client_secret, credential } = await newTestKey(account);
  const { claim: { claim } } = await newTestKey(account, { delivery: 'claim' });
  const others = [...Object.values(vault.tokens), credential.client_id, claim, account.token,
    changed(client_secret), client_secret.toUpperCase(), `${client_secret} `, ` ${client_secret}`,
    client_secret.replace('test', 'live'), 'x'.repeat(1024), 'cs_test_', '\u00e9'];
  for (const key of others) assert.equal((await ask({ key })).code, 'MALFORMED', key.slice(0, 12));
});

test('a key with all scopes is good for any, and a question for more names each', async () => {
  const account = await newAccount(vault);
  const all = await newLiveKey(vault, account, { scopes: ['*'] });
  assert.equal((await verify(vault, all.client_secret, { scopes: ['a.b', '*'] })).code, 'VALID');
  const { client_secret } = await newTestKey(account);
  const told = await verify(vault, client_secret, { scopes: ['x.y', 'orders.read', 'a.b'] });
  assert.deepEqual(told.missing_scopes, ['a.b', 'x.y']);
});

test('its limit is counted down, by cost, and comes back with time', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  assert.equal((await ask({ key, cost: 0 })).ratelimit.remaining, 60);
  assert.deepEqual((await ask({ key, cost: 50 })).ratelimit, {
    limit: 60, remaining: 10, reset_s: 50,
  });
  const refused = await ask({ key, cost: 20 });
  assert.deepEqual([refused.code, refused.ratelimit.remaining], ['RATE_LIMITED', 10]);
  assert.ok(refused.retry_after_s >= 10 && refused.retry_after_s <= 11, refused.retry_after_s);
  assert.equal((await ask({ key, cost: 10 })).code, 'VALID');
  assert.equal((await ask({ key })).code, 'RATE_LIMITED');
  assert.equal((await ask({ key, cost: 0 })).code, 'VALID');
  await vault.advance(2000);
  assert.equal((await ask({ key })).code, 'VALID');
});

test('many at once are let through as often as the limit says, and no more', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const told = await together(200, () => ask({ key }));
  const passed = told.filter(({ valid }) => valid).length;
  assert.ok(passed >= 60 && passed <= 62, `${passed} passed`); // a second gives one more
});

test('what a key did is counted, by day and scope, and shown beside it', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  const path = `/v1/credentials/${made.credential.id}`;
  for (let i = 0; i < 3; i++) await ask({ key: made.client_secret, scopes: ['orders.read'] });
  await ask({ key: made.client_secret, scopes: ['orders.write'] });
  const usage = await vault.until(async () => {
    const body = assertStatus(await account.developer.get(`${path}/usage?days=1`), 200);
    return body.days[0]?.counts.INSUFFICIENT_SCOPE && body;
  });
  assert.deepEqual(usage.days[0].counts, { VALID: 3, INSUFFICIENT_SCOPE: 1 });
  assert.deepEqual([usage.total, usage.days_active], [3, 1]);
  assert.deepEqual(usage.scopes.map(({ scope }) => scope), ['orders.read']);
  const shown = assertStatus(await account.developer.get(path), 200);
  assert.equal(shown.uses_today, 3);
  assert.equal(shown.last_used_at, usage.last_used_at);
});

test('a key is told what it is, and never its secret', async () => {
  const account = await newAccount(vault);
  const { client_secret, credential } = await newTestKey(account);
  const basic = Buffer.from(`${credential.client_id}:${client_secret}`).toString('base64');
  for (const Authorization of [`Bearer ${client_secret}`, `bearer  ${client_secret}`,
    `Basic ${basic}`]) {
    const answer = await vault.anonymous.get('/v1/me', { headers: { Authorization } });
    const me = assertStatus(answer, 200);
    assert.equal(me.credential_id, credential.id);
    assert.deepEqual([me.mode, me.scopes], ['test', ['orders.read']]);
    assert.equal(me.ratelimit.remaining, 60, 'looking at oneself is no use');
    assert.ok(!answer.text.includes(client_secret));
  }
});

test('a key that ends itself is refused at once, and may say so again', async () => {
  const { client_secret } = await newTestKey(await newAccount(vault));
  const own = vault.with(client_secret);
  for (let i = 0; i < 2; i++) {
    assert.equal(assertStatus(await own.post('/v1/me/revoke'), 200).status, 'revoked');
    assert.equal((await verify(vault, client_secret)).code, 'REVOKED');
  }
  assertProblem(await own.get('/v1/me'), 401, 'unauthenticated');
});
