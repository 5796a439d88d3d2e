// What was acknowledged is seen by the very next verification, on every event thread: revoked,
// suspended, narrowed, disabled, and back again.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after } from 'node:test';
import { assertStatus, together } from './lib/caller.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const ROUNDS = 10_000;
const LANES = 16; // accounts that go through their rounds side by side
const CONNECTIONS = 4; // of each, kept alive, so that each event thread has some

const policy = await writePolicy(undefined, { test: { expires_after: '7d' } });
const vault = await startVault(undefined, { policy, testClock: true, logLevel: 'warn' });
after(() => vault.close());
const { hostname, port } = new URL(vault.url);
const admin = vault.as('admin');
let asked = 0;

/** Asks by one kept-alive connection about a key; resolves to the code. */
function askBy(agent, key) {
  const headers = { 'X-Api-Key': key, 'X-Countersign-Token': vault.tokens.gateway };
  const path = '/v1/authorize?scope=orders.read&scope=products.read';
  asked++;
  return new Promise((resolve, reject) => {
    http.get({ hostname, port, agent, path, headers }, (answer) => {
      answer.resume().on('error', reject);
      answer.on('end', () => resolve(answer.headers['x-auth-code']));
    }).on('error', reject);
  });
}

const both = ['orders.read', 'products.read'];
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

async function goThrough(rounds) {
  const agents = Array.from({ length: CONNECTIONS },
    () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const lane = { account: await newAccount(vault) };
  await turns.at(-1)[0](lane);
  for (let round = 0; round < rounds; round++) {
    const [act, code] = turns[round % turns.length];
    await act(lane);
    const told = await Promise.all(agents.map((agent) => askBy(agent, lane.key.secret)));
    assert.deepEqual(told, Array(CONNECTIONS).fill(code), `round ${round}`);
  }
  agents.forEach((agent) => agent.destroy());
}

test('ten thousand changes, each seen by the next verification on every thread', async () => {
  await together(LANES, () => goThrough(ROUNDS / LANES));
  const { text } = await admin.get('/metrics');
  const loops = [...text.matchAll(/^countersign_loop_requests_total\{.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count)).filter(Boolean);
  console.log(`${ROUNDS} rounds, ${asked} verifications; requests by event thread: ${loops}`);
  assert.equal(asked, ROUNDS * CONNECTIONS);
  for (const count of loops) assert.ok(count > asked / loops.length / 4, 'a thread was not asked');
});
