// Limits over HTTP: of a key under many connections, of an account across its keys, of failed
// attempts by address.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const LIMIT = 500; // of a key, in a window
const BURST = 100;
const WINDOW_MS = 2000;
const ACCOUNT = 750;
const policy = await writePolicy(undefined, { test: {
  rate_limit: `${LIMIT}/2s`, rate_burst: BURST,
  account_rate_limit: `${ACCOUNT}/2s`, account_rate_burst: 50,
} });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());
const gateway = vault.as('gateway');

const ask = async (body) => assertStatus(await gateway.post('/v1/verify', body), 200);
const authorize = (key, path = '') =>
  gateway.get(`/v1/authorize${path}`, { headers: { 'X-Api-Key': key }, forwarded: true });

/** Asks about a key without end, on a connection of its own, and tells `seen` each status. */
async function hammer(key, seen, isOver) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(vault.url);
  const headers = { 'X-Api-Key': key, 'X-Countersign-Token': vault.tokens.gateway };
  while (!isOver()) {
    await new Promise((resolve, reject) => {
      const began = performance.now();
      const options = { hostname, port, agent, headers, path: '/v1/authorize' };
      http.get(options, (answer) => {
        answer.resume().on('end', resolve).on('error', reject);
        seen(answer.statusCode, began, performance.now());
      }).on('error', reject);
    });
  }
  agent.destroy();
}

// Time is the machine's own here. What is let through is counted against the time that has passed
// for certain and at most, so that a slow machine cannot fail it.
test('64 connections that hammer one key for ten windows get what the policy says', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const first = { began: Infinity };
  let last = 0;
  let passed = 0;
  const began = performance.now();
  const over = () => performance.now() - began > 10 * WINDOW_MS;
  await together(64, () => hammer(key, (status, from, to) => {
    assert.ok([200, 429].includes(status), `${status}`);
    if (status !== 200) return;
    first.began = Math.min(first.began, from);
    last = Math.max(last, to);
    passed++;
  }, over));
  const most = LIMIT + BURST + ((last - first.began) * LIMIT) / WINDOW_MS;
  const wanted = LIMIT + BURST + 10 * LIMIT;
  console.log(`let through: ${passed} of ${wanted}, and at most ${Math.floor(most)}`);
  assert.ok(passed <= most, `${passed} are more than ${most}`);
  assert.ok(Math.abs(passed - wanted) <= wanted / 100, `${passed} are not ${wanted} within 1 %`);
});

test('no more than limit and burst are let through at one moment', async () => {
  const hold = { hold: true, advance_ms: 0 };
  assertStatus(await vault.as('admin').post('/v1/test/clock', hold), 200);
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const answers = await together(800, () => authorize(key));
  const passed = answers.filter(({ status }) => status === 200);
  assert.equal(passed.length, LIMIT + BURST);
  assert.equal(answers.filter(({ status }) => status === 429).length, 800 - LIMIT - BURST);
  await vault.advance(WINDOW_MS);
  const after = await together(800, () => authorize(key));
  assert.equal(after.filter(({ status }) => status === 200).length, LIMIT);
});

test('the keys of an account share its limit, and what it refuses is not a key\'s', async () => {
  const account = await newAccount(vault);
  const [{ client_secret: one }, { client_secret: two }] = [
    await newTestKey(account), await newTestKey(account)];
  await ask({ key: one, cost: 600 });
  const answer = await authorize(two, '?cost=200');
  assert.equal(answer.headers['ratelimit-policy'], '"key";q=500;w=2, "account";q=750;w=2');
  assert.equal(answer.headers.ratelimit, '"key";r=400;t=1, "account";r=0;t=3');
  assert.equal(answer.headers['x-ratelimit-limit'], '750');
  assert.equal(answer.headers['x-ratelimit-remaining'], '0');
  const refused = await authorize(two);
  assertProblem(refused, 429, 'rate_limited');
  assert.equal(refused.headers.ratelimit, '"key";r=400;t=1, "account";r=0;t=3');
  assert.deepEqual((await ask({ key: two, cost: 0 })).ratelimit, {
    limit: 750, remaining: 0, reset_s: 3 });
  const other = await newTestKey(await newAccount(vault));
  assert.equal((await authorize(other.client_secret)).status, 200);
  await vault.advance(4 * WINDOW_MS);
  // A call that its key refuses is not counted for the account.
  assert.equal((await ask({ key: one, cost: 601 })).code, 'RATE_LIMITED');
  assert.equal((await ask({ key: two, cost: 600 })).code, 'VALID');
  assert.equal((await ask({ key: one, cost: 200 })).code, 'VALID');
});

test('garbage from one address is not looked at for long, and troubles no other', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const code = async (ip, presented = key) => (await ask({ key: presented, ip })).code;
  const told = [];
  for (let i = 0; i < 301; i++) told.push(await code(`2001:db8::${i}`, 'garbage'));
  assert.deepEqual(told, [...Array(300).fill('MALFORMED'), 'RATE_LIMITED']);
  assert.equal(await code('2001:db8::ffff'), 'RATE_LIMITED');
  assert.equal(await code('2001:db8:0:1::1'), 'VALID');
  assert.equal(await code('192.0.2.1'), 'VALID');
  assert.equal(await code(undefined), 'VALID');
  const headers = { 'X-Api-Key': key, 'X-Countersign-Ip': '2001:db8::1' };
  const refused = await gateway.get('/v1/authorize', { headers, forwarded: true });
  assertProblem(refused, 429, 'rate_limited');
  assert.equal(refused.headers['x-auth-code'], 'RATE_LIMITED');
  assert.equal(refused.headers['retry-after'], '1');
  assert.ok(!('ratelimit' in refused.headers));
  await vault.advance(1000);
  assert.equal(await code('2001:db8::1'), 'VALID');
});

test('garbage without an address is told as what it is, for ever', async () => {
  const items = Array(256).fill({ key: 'garbage' });
  for (let i = 0; i < 3; i++) {
    const { results } = assertStatus(await gateway.post('/v1/verify/batch', { items }), 200);
    assert.ok(results.every(({ code }) => code === 'MALFORMED'));
  }
});
