// Every code, through every gateway: the client is told the same by each, and the API behind hears
// who it is from Countersign and from nobody else.
import assert from 'node:assert/strict';
import path from 'node:path';
import test, { after } from 'node:test';
import { codesOf, identity, table, ways } from '../api/lib/codes.mjs';
import { assertStatus } from '../api/lib/caller.mjs';
import { newAccount, newTestKey } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault, temporaryFolder } from '../api/lib/vault.mjs';
import { names, startGateway, startUpstream } from './lib/gateways.mjs';
import { assertTold, told } from './lib/told.mjs';

const policy = await writePolicy(undefined, { test: { rate_limit: '60/1m' } });
const socket = path.join(await temporaryFolder(), 'gateway.sock');
const vault = await startVault(undefined, {
  policy, testClock: true, args: ['--gateway-socket', socket],
});
const upstream = await startUpstream();
const gateways = await Promise.all(
  names.map((name) => startGateway(undefined, name, { socket, upstream })));
after(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  upstream.close();
  await vault.close();
});

/** The request of a client that makes its gateway ask this question. */
function asRequest({ key, mode, scopes = [] }) {
  const [method, target] =
    mode === 'live' ? ['GET', '/live/x'] : scopes.length ? ['POST', '/orders'] : ['GET', '/x?y=1'];
  return [method, target, key ? { Authorization: `Bearer ${key}` } : {}];
}

/** The same question, asked of Countersign itself. */
const asked = ({ key, mode, scopes = [], ip }) => vault.as('gateway').get('/v1/authorize', {
  forwarded: true,
  headers: { ...key && { 'X-Api-Key': key }, ...mode && { 'X-Countersign-Mode': mode },
    ...scopes.length && { 'X-Countersign-Scopes': scopes.join(' ') },
    'X-Countersign-Ip': ip ?? '127.0.0.1' },
});

/** What it answered, but for what is the gateway's: whose key it is, and that it is good. */
function forClient(answer) {
  const shown = told(answer);
  if (answer.status !== 200) return shown;
  for (const name of [...identity, 'x-auth-code', 'cache-control']) delete shown[name];
  return shown;
}

/** The API's own answer stands in place of Countersign's where a request is let through. */
const fromApi = ['content-type', 'x-content-type-options'];

// By the program's own list, so that a code without a row here fails.
for (const code of codesOf(vault)) {
  const way = ways[code];
  if (way === null) continue; // no key can get it: unavailable.test.mjs plays it
  test(`${code} is the same for the clients of every gateway`, async () => {
    assert.ok(way && table[code], `no row for ${code}`);
    const answers = [];
    for (const gateway of gateways) {
      const question = await way(vault, await newAccount(vault));
      const before = upstream.heard.length;
      const [method, target, headers] = asRequest(question);
      const answer = await gateway.call(method, target, { headers });
      assertTold(answer, code, `${gateway.name}: ${answer.text}`);
      assert.equal(upstream.heard.length - before, code === 'VALID' ? 1 : 0, gateway.name);
      answers.push(told(answer));
    }
    const itself = forClient(await asked(await way(vault, await newAccount(vault))));
    for (const answer of [...answers, itself])
      if (code === 'VALID') fromApi.forEach((name) => delete answer[name]);
    for (const answer of answers) assert.deepEqual(answer, itself);
  });
}

test('a key may come as Bearer, as Basic pair or in X-Api-Key, and not twice', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret } = await newTestKey(account);
  const pair = Buffer.from(`${credential.client_id}:${client_secret}`).toString('base64');
  for (const gateway of gateways) {
    const status = async (headers) => (await gateway.call('GET', '/x', { headers })).status;
    assert.equal(await status({ Authorization: `bearer ${client_secret}` }), 200, gateway.name);
    assert.equal(await status({ Authorization: `Basic ${pair}` }), 200, gateway.name);
    assert.equal(await status({ 'X-Api-Key': client_secret }), 200, gateway.name);
    const both = { Authorization: `Bearer ${client_secret}`, 'X-Api-Key': client_secret };
    assert.equal(await status(both), 401, gateway.name);
  }
});

test('the API hears who it is, and neither the key nor what a client says of itself', async () => {
  const { credential, client_secret } = await newTestKey(await newAccount(vault));
  const spoofed = {};
  for (const name of [...identity, 'x-auth-code', 'x-countersign-mode', 'x-countersign-scopes',
    'x-countersign-any-scopes', 'x-countersign-ip', 'x-countersign-token']) {
    spoofed[name] = 'spoofed';
    spoofed[name.replaceAll('-', '_')] = 'spoofed';
  }
  for (const gateway of gateways) {
    const headers = { ...spoofed, 'X-Api-Key': client_secret };
    const answer = await gateway.call('PUT', '/x/y?z=1', { headers, body: 'a body' });
    assert.equal(answer.status, 200, `${gateway.name}: ${answer.text}`);
    const { method, url, headers: heard } = answer.body;
    assert.deepEqual([method, url], ['PUT', '/x/y?z=1'], gateway.name);
    assert.deepEqual(identity.map((name) => heard[name]), [
      credential.id, credential.account_id, credential.client_id, 'test', 'orders.read',
    ], gateway.name);
    for (const name of identity) assert.equal(heard[name.replaceAll('-', '_')], undefined);
    for (const name of ['authorization', 'x-api-key', 'x-countersign-token'])
      assert.equal(heard[name] || undefined, undefined, `${gateway.name}: ${name}`);
    const refused = await gateway.call('GET', '/x', { headers: spoofed });
    assert.equal(refused.headers['x-auth-code'], 'MISSING', gateway.name);
  }
});

// A proxy may drop headers that the client's Connection names (RFC 9110, 7.6.1): not those by which
// it is told what to ask, or tells the API who it is.
test('a client cannot have its gateway drop what it says', async () => {
  const { credential, client_secret } = await newTestKey(await newAccount(vault));
  const named = [...identity, 'X-Countersign-Scopes', 'X-Countersign-Mode', 'X-Countersign-Ip'];
  for (const gateway of gateways)
    for (const first of ['close', 'keep-alive', 'upgrade']) {
      const headers = { Authorization: `Bearer ${client_secret}`,
        Connection: [first, ...named].join(', '), ...first === 'upgrade' && { Upgrade: 'x' } };
      const { status, body, text } = await gateway.call('GET', '/x', { headers });
      assert.equal(status, 200, `${gateway.name}: ${text}`);
      assert.deepEqual(identity.map((name) => body.headers[name]), [
        credential.id, credential.account_id, credential.client_id, 'test', 'orders.read',
      ], `${gateway.name}, ${first}`);
      const refused = await gateway.call('POST', '/orders', { headers });
      assert.equal(refused.headers['x-auth-code'], 'INSUFFICIENT_SCOPE', gateway.name);
      const other = await gateway.call('GET', '/live/x', { headers });
      assert.equal(other.headers['x-auth-code'], 'WRONG_MODE', gateway.name);
    }
});

test('a client cannot ask an easier question than its gateway', async () => {
  const { client_secret } = await newTestKey(await newAccount(vault));
  const easier = { 'X-Countersign-Scopes': '', 'X-Countersign-Any-Scopes': 'orders.read',
    'X-Countersign-Mode': 'test', Authorization: `Bearer ${client_secret}` };
  for (const gateway of gateways) {
    const code = async (method, target) =>
      (await gateway.call(method, target, { headers: easier })).headers['x-auth-code'];
    assert.equal(await code('POST', '/orders?scope=orders.read'), 'INSUFFICIENT_SCOPE');
    assert.equal(await code('GET', '/live/x?mode=test'), 'WRONG_MODE', gateway.name);
    assert.equal(await code('DELETE', '/orders/1'), 'INSUFFICIENT_SCOPE', gateway.name);
  }
});

test('another spelling of a path asks for no less', async () => {
  const { client_secret } = await newTestKey(await newAccount(vault));
  const headers = { Authorization: `Bearer ${client_secret}` };
  for (const gateway of gateways)
    for (const target of ['/x/../orders', '//orders', '/./orders', '/%6frders', '/x/%2e%2e/orders',
      '/orders/../orders/1']) {
      const { status } = await gateway.call('POST', target, { headers });
      assert.notEqual(status, 200, `${gateway.name}: ${target}`);
    }
});

test('the address that counts is that of the client', async () => {
  const account = await newAccount(vault);
  const made = await newTestKey(account);
  const edit = async (allowed_ips) => assertStatus(
    await account.developer.patch(`/v1/credentials/${made.credential.id}`, { allowed_ips }), 200);
  const headers = { Authorization: `Bearer ${made.client_secret}`,
    'X-Forwarded-For': '192.0.2.1', 'X-Countersign-Ip': '192.0.2.1' };
  for (const gateway of gateways) {
    await edit(['192.0.2.1']);
    assert.equal((await gateway.call('GET', '/x', { headers })).status, 403, gateway.name);
    await edit(['127.0.0.0/8']);
    assert.equal((await gateway.call('GET', '/x', { headers })).status, 200, gateway.name);
  }
});

test('what was revoked is refused at once, also where an answer lies in a cache', async () => {
  for (const gateway of gateways) {
    const account = await newAccount(vault);
    const members = { scopes: ['products.read'] };
    const { credential, client_secret } = await newTestKey(account, members);
    const headers = { Authorization: `Bearer ${client_secret}` };
    const before = upstream.heard.length;
    for (let i = 0; i < 3; i++)
      assert.equal((await gateway.call('GET', '/catalogue/1', { headers })).status, 200);
    assert.equal(upstream.heard.length - before, gateway.name === 'nginx' ? 1 : 3, gateway.name);
    assertStatus(await account.developer.post(`/v1/credentials/${credential.id}/revoke`), 200);
    const answer = await gateway.call('GET', '/catalogue/1', { headers });
    assert.equal(answer.headers['x-auth-code'], 'REVOKED', gateway.name);
  }
});
