// What was acknowledged is seen by the very next verification, on every event thread and in every
// shape: revoked, suspended, narrowed, disabled, and back again.
import assert from 'node:assert/strict';
import http from 'node:http';
import os from 'node:os';
import test, { after } from 'node:test';
import { assertStatus, together } from './lib/caller.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const ROUNDS = 10_000;
const LANES = 40; // accounts that go through their rounds side by side
const CONNECTIONS = 48; // kept alive, and shared among the event threads by the server
const PROBES = 8;
const LOOPS_MAX = 4; // the server's own

const policy = await writePolicy(undefined, { test: { expires_after: '7d' } });
const vault = await startVault(undefined, { policy, testClock: true, logLevel: 'warn' });
after(() => vault.close());
const { hostname, port } = new URL(vault.url);
const admin = vault.as('admin');

/** Sends one question by one kept-alive connection; resolves to {headers, text}. */
function send(agent, path, { method = 'GET', headers, body }) {
  return new Promise((resolve, reject) => {
    http.request({ hostname, port, agent, path, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('error', reject);
      answer.on('end', () => resolve({ headers: answer.headers, text }));
    }).on('error', reject).end(body);
  });
}

const both = ['orders.read', 'products.read'];
const token = vault.tokens.gateway;
const asJson = (body) => ({ method: 'POST', body: JSON.stringify(body),
  headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' } });

/* Each way to ask whether a key has both scopes; what comes is the code. */
const shapes = [
  async (agent, key) => (await send(agent, `/v1/authorize?scope=${both.join('&scope=')}`, {
    headers: { 'X-Api-Key': key, 'X-Countersign-Token': token } })).headers['x-auth-code'],
  async (agent, key) =>
    JSON.parse((await send(agent, '/v1/verify', asJson({ key, scopes: both }))).text).code,
  async (agent, key) => JSON.parse((await send(agent, '/v1/verify/batch',
    asJson({ items: [{}, { key, scopes: both }] }))).text).results[1].code,
];

/** How many requests each event thread has answered. */
async function countByLoop() {
  const { text } = await admin.get('/metrics');
  return [...text.matchAll(/^countersign_loop_requests_total\{.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count));
}

/** Connections by the event thread that answers on them: [[agent…]…]. */
async function connectToAll() {
  const loops = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    after(() => agent.destroy());
    const before = await countByLoop();
    for (let n = 0; n < PROBES; n++) await shapes[0](agent, 'x');
    const grown = (await countByLoop()).map((count, loop) => count - before[loop]);
    const loop = grown.indexOf(Math.max(...grown));
    (loops[loop] ??= []).push(agent);
  }
  return loops.filter(Boolean);
}
const patch = (path, members) => async ({ account, key }) => {
  const caller = path === 'account' ? admin : account.developer;
  const at = path === 'account' ? `/v1/accounts/${account.id}` : `/v1/credentials/${key.id}`;
  assertStatus(await caller.patch(at, members), 200);
};

/* One turn of a lane: what is done, and what every thread has to say of the key from then on. */
const turns = [
  [patch('account', { status: 'suspended' }), 'SUSPENDED'],
  [patch('account', { status: 'active' }), 'VALID'],
  [patch('key', { scopes: ['orders.read'] }), 'INSUFFICIENT_SCOPE'],
  [patch('key', { scopes: both }), 'VALID'],
  [patch('key', { status: 'disabled' }), 'DISABLED'],
  [patch('key', { status: 'active' }), 'VALID'],
  [async ({ account, key }) => {
    assertStatus(await account.developer.post(`/v1/credentials/${key.id}/revoke`), 200);
  }, 'REVOKED'],
  [async (lane) => {
    const { credential, client_secret } = await newTestKey(lane.account, { scopes: both });
    lane.key = { id: credential.id, secret: client_secret };
  }, 'VALID'],
];

async function goThrough(lane, loops, rounds) {
  const its = { account: await newAccount(vault) };
  const questions = loops.flatMap((agents) => shapes.map((ask, i) =>
    () => ask(agents[(lane * shapes.length + i) % agents.length], its.key.secret)));
  await turns.at(-1)[0](its);
  for (let round = 0; round < rounds; round++) {
    const [act, code] = turns[round % turns.length];
    await act(its);
    const told = await Promise.all(questions.map((ask) => ask()));
    assert.deepEqual(told, questions.map(() => code), `round ${round}`);
  }
  return rounds * questions.length;
}

test('ten thousand changes, each seen by the next verification on every thread', async (t) => {
  const loops = await connectToAll();
  const threads = Math.min(LOOPS_MAX, os.availableParallelism());
  assert.equal(loops.length, threads, 'a thread has no connection');
  const asked = await together(LANES, (lane) => goThrough(lane, loops, ROUNDS / LANES));
  const all = asked.reduce((sum, count) => sum + count);
  assert.equal(all, ROUNDS * threads * shapes.length);
  t.diagnostic(`${ROUNDS} rounds, ${all} verifications; by event thread: ${await countByLoop()}`);
});
