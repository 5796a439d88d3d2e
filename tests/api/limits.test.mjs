// Limits over HTTP: of a key under many connections, of an account across its keys, of failed
// attempts by address.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { makeVault, serve } from './lib/served.mjs';
import { startVault } from './lib/vault.mjs';

const LIMIT = 500; // of a key, in a window
const BURST = 600; // of it at once
const WINDOW_MS = 2000;
const WINDOWS = 10;
const ACCOUNT = 750;
const policy = await writePolicy(undefined, { test: {
  rate_limit: `${LIMIT}/2s`, rate_burst: BURST,
  account_rate_limit: `${ACCOUNT}/2s`, account_rate_burst: 800,
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

/** Most of these moments that lie in one span of so many milliseconds. */
function mostWithin(moments, span_ms) {
  const sorted = [...moments].sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while (sorted[last] - sorted[first] > span_ms) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/**
 * The least that had to be let through. A refusal proves that nothing is left: the burst was used
 * up before the first, and what came back between two of them is lost only if so much time lies
 * between that the burst could be whole.
 */
function leastOf(refused) {
  const proofs = [...refused].sort((a, b) => a.from - b.from);
  const whole_ms = (BURST * WINDOW_MS) / LIMIT;
  let counted_ms = proofs.at(-1).from - proofs[0].to;
  for (let i = 1; i < proofs.length; i++)
    counted_ms -= Math.max(0, proofs[i].to - proofs[i - 1].from - whole_ms);
  return Math.floor(BURST - 1 + (counted_ms * LIMIT) / WINDOW_MS);
}

// Time is the machine's own here. Of each answer it is known only between which moments it was
// decided: all that is asserted follows from those, so that a slow machine cannot fail it.
test('64 connections that hammer one key for ten windows get what the policy says', async (t) => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const told = { 200: [], 429: [] };
  const began = performance.now();
  const over = () => performance.now() - began > WINDOWS * WINDOW_MS;
  const seen = (status, from, to) => told[status].push({ from, to });
  await together(64, () => hammer(key, seen, over));
  const passed = told[200];
  const began_ms = Math.min(...passed.map(({ from }) => from));
  const ended_ms = Math.max(...passed.map(({ to }) => to));
  const most = Math.floor(BURST + ((ended_ms - began_ms) * LIMIT) / WINDOW_MS);
  const least = leastOf(told[429]);
  const wanted = BURST + WINDOWS * LIMIT;
  t.diagnostic(`let through: ${passed.length} of ${wanted}; by the clock ${least} to ${most}`);
  assert.ok(passed.length <= most, `${passed.length} are more than ${most}`);
  assert.ok(passed.length >= least, `${passed.length} are less than ${least}`);

  // In each window, wherever it begins: what began and ended in it was decided in it.
  for (const one of [({ from }) => from, ({ to }) => to]) {
    const slack = Math.max(...passed.map(({ from, to }) => to - from));
    const within = mostWithin(passed.map(one), WINDOW_MS - slack);
    t.diagnostic(`${within} in one window, of at most ${LIMIT + BURST}`);
    assert.ok(within <= LIMIT + BURST, `${within} in one window`);
  }
});

test('no more than the burst is let through at one moment', async () => {
  const hold = { hold: true, advance_ms: 0 };
  assertStatus(await vault.as('admin').post('/v1/test/clock', hold), 200);
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const answers = await together(800, () => authorize(key));
  const passed = answers.filter(({ status }) => status === 200);
  assert.equal(passed.length, BURST);
  assert.equal(answers.filter(({ status }) => status === 429).length, 800 - BURST);
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

test('one person changes so much in a minute, and may always revoke', async (t) => {
  const vault = await makeVault(t);
  await vault.write('listen: [127.0.0.1:0]\nlimits: { changes_per_minute: 3 }\n');
  const url = `http://${await (await serve(t, vault)).said(/address=(127\S+)/)}`;
  const post = (path, body) => fetch(url + path, { method: 'POST', body: JSON.stringify(body),
    headers: { authorization: `Bearer ${vault.admin}`, 'content-type': 'application/json' } });
  const made = await Promise.all([1, 2, 3].map((i) => post('/v1/tokens', { name: `n${i}` })));
  assert.deepEqual(made.map(({ status }) => status), [201, 201, 201]);
  const refused = await post('/v1/tokens', { name: 'one too many' });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) <= 20);
  assert.equal((await refused.json()).code, 'rate_limited');
  const { token } = await made[0].json();
  assert.equal((await post(`/v1/tokens/${token.id}/revoke`, {})).status, 200);
});
