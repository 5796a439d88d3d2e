// Clients that go while what they asked for is being done: in the middle of a request, before its
// commit, before its answer. Under AddressSanitizer, an answer that outlives its connection would
// end the process; without it, the audit log and the list have to tell the same story afterwards.
import assert from 'node:assert/strict';
import test from 'node:test';
import { pick, seeded } from '../fault/lib/random.mjs';
import { assertStatus, together } from './lib/caller.mjs';
import { newAccount } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { RawConnection } from './lib/raw.mjs';
import { startVault } from './lib/vault.mjs';

const SEED = Number(process.env.STORM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CLIENTS = 24;
const VISITS = 12; // connections of each
const AT_ONCE_MAX = 8; // requests in one write
const PAGE = 100;
const FAREWELLS = ['destroy', 'finish'];

/** A whole number from 0 up to `end`, without it. */
const below = (random, end) => Math.floor(random() * end);

let names = 0;
function creation(account, random) {
  const order = { account_id: account.id, mode: 'test', name: `storm ${++names}`,
    scopes: ['orders.read'], ...(below(random, 5) === 0 ? { delivery: 'claim' } : {}) };
  const body = JSON.stringify(order);
  return ['POST /v1/credentials HTTP/1.1', 'Host: vault', `Authorization: Bearer ${account.token}`,
    'Content-Type: application/json', `Content-Length: ${body.length}`, '', body].join('\r\n');
}

/** One connection: some creations, of which the last may be cut off; then some answers, or none. */
async function visit(vault, account, random, onCreated) {
  const connection = await RawConnection.open(vault);
  const count = 1 + below(random, AT_ONCE_MAX);
  const text = Array.from({ length: count }, () => creation(account, random)).join('');
  const cut = below(random, 5) === 0;
  connection.send(cut ? text.slice(0, 1 + below(random, text.length - 1)) : text);
  for (let patience = cut ? 0 : below(random, count + 1); patience > 0; patience--) {
    const answer = await connection.answer();
    if (!answer) break;
    assert.equal(answer.status, 201, answer.body);
    onCreated(JSON.parse(answer.body).credential.id);
  }
  connection[pick(random, FAREWELLS)]();
}

/** All clients, each for an account of its own; a server that is told to end may refuse them. */
async function storm(vault, accounts, onCreated) {
  await together(CLIENTS, async (client) => {
    const random = seeded(SEED + client);
    for (let visits = 0; visits < VISITS && vault.runs; visits++)
      await visit(vault, accounts[client], random, onCreated).catch((error) => {
        if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') throw error;
      });
  });
}

async function allOf(caller, path) {
  const items = [];
  let cursor = '';
  do {
    const page = assertStatus(await caller.get(`${path}&limit=${PAGE}${cursor}`), 200);
    items.push(...page.items);
    cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : '';
  } while (cursor);
  return items;
}

/** All that was acknowledged is there, and the log tells of just what is there, once each. */
async function assertOneStory(vault, accounts, acknowledged) {
  const listed = [];
  for (const { id, developer } of accounts)
    listed.push(...(await allOf(developer, `/v1/credentials?account_id=${id}`)));
  const told = await allOf(vault.as('auditor'), '/v1/audit?action=credential.created');
  const ids = new Set(listed.map(({ id }) => id));
  const entries = told.map(({ object }) => object);
  const without = (items, those) => items.filter((id) => !those.has(id)).join(' ');
  assert.equal(without([...ids], new Set(entries)), '', 'not in the log');
  assert.equal(without(entries, ids), '', 'in the log only');
  assert.equal(entries.length, ids.size, 'told twice');
  assert.equal(without(acknowledged, ids), '', 'acknowledged');
  assert.equal(new Set(acknowledged).size, acknowledged.length);
}

async function begin(t) {
  t.diagnostic(`STORM_SEED=${SEED}`);
  const vault = await startVault(t, { policy: await writePolicy(t), logLevel: 'warn' });
  return { vault, accounts: await together(CLIENTS, () => newAccount(vault)) };
}

test('clients who go in the middle of their creations take nothing with them', async (t) => {
  const { vault, accounts } = await begin(t);
  const acknowledged = [];
  await storm(vault, accounts, (id) => acknowledged.push(id));
  assert.ok(acknowledged.length > 0);
  // What clients left behind is still being done; after a clean stop nothing is.
  await vault.stop();
  await vault.start();
  await assertOneStory(vault, accounts, acknowledged);
  assert.doesNotMatch(vault.log, /level=error/);
});

test('a server that is told to end in the middle of that ends well, and goes on', async (t) => {
  const { vault, accounts } = await begin(t);
  const acknowledged = [];
  let stopped;
  await storm(vault, accounts, (id) => {
    if (acknowledged.push(id) === CLIENTS) stopped = vault.stop();
  });
  await stopped;
  await vault.start();
  await assertOneStory(vault, accounts, acknowledged);
});
