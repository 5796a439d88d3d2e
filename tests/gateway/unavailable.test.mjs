// What is no decision about a key lets nobody through and calls no key bad: Countersign that cannot
// answer, that is not there, that hangs, or that says what only the operator should hear.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { rates, table, unproved } from '../api/lib/codes.mjs';
import { newAccount, newTestKey } from '../api/lib/desk.mjs';
import { startVault, temporaryFolder } from '../api/lib/vault.mjs';
import { Rows, flipped } from '../fault/lib/rows.mjs';
import { names, startGateway, startUpstream } from './lib/gateways.mjs';
import { assertTold, told } from './lib/told.mjs';

async function startAll(t) {
  const socket = path.join(await temporaryFolder(t), 'gateway.sock');
  const upstream = await startUpstream(t);
  const gateways = await Promise.all(
    names.map((name) => startGateway(t, name, { socket, upstream })));
  return { socket, upstream, gateways };
}

/** The client is told the same by each gateway, and the API hears nothing of it. */
async function assertUnavailable({ gateways, upstream }, headers, why) {
  const before = upstream.heard.length;
  const answers = await Promise.all(gateways.map(
    (gateway) => gateway.call('GET', '/orders/1', { headers })));
  answers.forEach((answer, i) => {
    const where = `${gateways[i].name}, ${why}: ${answer.text}`;
    assert.equal(answer.status, 503, where);
    assert.equal(answer.headers['x-auth-code'], 'UNAVAILABLE', where);
    assert.equal(answer.headers['retry-after'], '1', where);
    assert.equal(answer.headers['cache-control'], 'no-store', where);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', where);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/, where);
    assert.match(answer.headers['x-request-id'], /^[A-Za-z0-9._-]{1,64}$/, where);
    assert.equal(answer.headers['www-authenticate'], undefined, where);
    assert.equal(answer.body.code, 'UNAVAILABLE', where);
  });
  assert.equal(upstream.heard.length, before, why);
}

async function assertAllow({ gateways }, headers, why) {
  for (const gateway of gateways) {
    const answer = await gateway.call('GET', '/orders/1', { headers });
    assert.equal(answer.status, 200, `${gateway.name}, ${why}: ${answer.text}`);
  }
}

/** Every thread of the process stands still: the signal reaches them one after the other. */
function isStopped(pid) {
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')));
}

const bearer = ({ client_secret }) => ({ Authorization: `Bearer ${client_secret}` });

test('a store that cannot answer, and a server that hangs, stops and comes back', async (t) => {
  const all = await startAll(t);
  const vault = await startVault(t, { args: ['--gateway-socket', all.socket] });
  const account = await newAccount(vault);
  const sound = await newTestKey(account);
  const damaged = await newTestKey(account);
  await assertAllow(all, bearer(damaged), 'before the damage');

  vault.signal('SIGSTOP');
  await vault.until(() => isStopped(vault.pid));
  await assertUnavailable(all, bearer(sound), 'it hangs');
  vault.signal('SIGCONT');
  await assertAllow(all, bearer(sound), 'it goes on');

  await vault.stop();
  await assertUnavailable(all, bearer(sound), 'it is stopped');
  const rows = new Rows(vault);
  await rows.put('credential', flipped((await rows.list('credential')).at(-1), -1));
  await vault.start();
  await assertUnavailable(all, bearer(damaged), 'the row of this key is damaged');
  await assertAllow(all, bearer(sound), 'the row of this one is not');
});

/* What stands where Countersign should, and what it does with a question. */
const strangers = {
  'the gateway is not known': [401, { 'X-Auth-Code': 'GATEWAY_UNKNOWN',
    'WWW-Authenticate': 'Bearer error="invalid_token"' }],
  'the gateway may not ask': [403, { 'X-Auth-Code': 'GATEWAY_FORBIDDEN' }],
  'the question is wrong': [400, { 'X-Auth-Code': 'BAD_QUESTION' }],
  'it cannot answer': [503, { 'X-Auth-Code': 'UNAVAILABLE', 'Retry-After': '7' }],
  'an error': [500, {}],
  'a page that moved': [302, { Location: '/elsewhere' }],
  'something else that is missing': [404, {}],
  'a refusal without a code': [401, {}],
  'it hangs up': null,
};

/** What stands in Countersign's place: `say([status, headers, body])`; null: it hangs up. */
async function standIn(t, socket) {
  let answer = null;
  const server = http.createServer((request, response) => {
    const [status, headers, body = '{}'] = answer ?? [];
    if (answer) response.writeHead(status, headers).end(body);
    else request.destroy();
  });
  server.listen(socket);
  await once(server, 'listening');
  t.after(() => (server.close(), server.closeAllConnections()));
  return { say: (next) => (answer = next) };
}

test('what others answer in its place is 503 to the client', async (t) => {
  const all = await startAll(t);
  const { say } = await standIn(t, all.socket);
  for (const [why, answer] of Object.entries(strangers)) {
    say(answer);
    await assertUnavailable(all, { Authorization: 'Bearer x' }, why);
  }
});

/** A refusal as Countersign says it. */
function refusal(code) {
  const [status, challenge] = table[code];
  const headers = { 'X-Auth-Code': code, 'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', 'X-Request-Id': 'its-own',
    ...challenge && { 'WWW-Authenticate': challenge },
    ...code === 'RATE_LIMITED' && { 'Retry-After': '7' } };
  if (!unproved.includes(code)) for (const name of rates) headers[name] = `${name}-said`;
  return [status, headers, JSON.stringify({ title: 'No', status, code: 'no' })];
}

// Also of a code that no key of today gets, such as UNDELIVERED.
test('each refusal of the table is passed on as it was said', async (t) => {
  const all = await startAll(t);
  const { say } = await standIn(t, all.socket);
  for (const code of Object.keys(table).filter((one) => one !== 'VALID')) {
    const said = refusal(code);
    const [status, headers] = said;
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    say(said);
    for (const gateway of all.gateways) {
      const answer = await gateway.call('GET', '/x', { headers: { Authorization: 'Bearer x' } });
      assertTold(answer, code, `${gateway.name}: ${answer.text}`);
      assert.deepEqual(told(answer), told({ status, headers: lower }), `${gateway.name}: ${code}`);
    }
  }
  assert.equal(all.upstream.heard.length, 0);
});

test('an API that is down is not Countersign that is down', async (t) => {
  const all = await startAll(t);
  const vault = await startVault(t, { args: ['--gateway-socket', all.socket] });
  const headers = bearer(await newTestKey(await newAccount(vault)));
  all.upstream.close();
  for (const gateway of all.gateways) {
    const { status, headers: told } = await gateway.call('GET', '/orders/1', { headers });
    assert.ok([502, 503, 504].includes(status), `${gateway.name}: ${status}`);
    assert.equal(told['x-auth-code'], undefined, gateway.name);
  }
});
