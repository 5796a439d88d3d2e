// The same decision in each shape that it has: every code, asked about the same key.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { codesOf, identity, rates, table, unproved, ways } from './lib/codes.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { RawConnection } from './lib/raw.mjs';
import { ROOT, startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, { test: { rate_limit: '60/1m' } });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());
const gateway = vault.as('gateway');


/** The question of a body, as a gateway forwards it: [query, headers], in one of the two ways. */
function asForwarded({ key, mode, scopes = [], ip }, by) {
  const headers = {};
  const query = new URLSearchParams();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (ip) headers['X-Countersign-Ip'] = ip;
  if (by === 'query') {
    if (mode) query.set('mode', mode);
    for (const scope of scopes) query.append('scope', scope);
  } else {
    if (mode) headers['X-Countersign-Mode'] = mode;
    if (scopes.length) headers['X-Countersign-Scopes'] = scopes.join(', ');
  }
  return [query.size ? `?${query}` : '', headers];
}

const authorize = (method, path, headers, body) =>
  gateway.call(method, `/v1/authorize${path}`, { headers, body, forwarded: true });

const batch = async (items) =>
  assertStatus(await gateway.post('/v1/verify/batch', { items }), 200).results;

const introspect = (members) => gateway.post('/oauth/introspect',
  `${new URLSearchParams(members)}`,
  { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });

/** The question of a body, as a form. */
const asForm = ({ key = '', mode, scopes, ip }) => ({
  token: key, ...mode && { mode }, ...scopes && { scope: scopes.join(' ') }, ...ip && { ip },
});

/** Nothing but that it is not active; and one that may be asked about later is not called that. */
function assertIntrospection(answer, code, told) {
  if (code === 'RATE_LIMITED') {
    assertProblem(answer, 429, 'rate_limited');
    return;
  }
  const body = assertStatus(answer, 200);
  if (code !== 'VALID') {
    assert.deepEqual(body, { active: false });
    return;
  }
  const { iat, ...rest } = body;
  assert.ok(Number.isInteger(iat));
  assert.deepEqual(rest, {
    active: true, scope: told.scopes.join(' '), client_id: told.client_id, token_type: 'Bearer',
    exp: Math.floor(Date.parse(told.expires_at) / 1000), sub: told.account_id,
    jti: told.credential_id, mode: told.mode,
  });
}

function assertIdentity(headers, told) {
  assert.deepEqual(identity.map((name) => headers[name]), [
    told.credential_id, told.account_id, told.client_id, told.mode, told.scopes.join(' '),
  ]);
}

function assertRates(headers, { limit, remaining, reset_s }) {
  assert.equal(headers['ratelimit-policy'], `"key";q=${limit};w=60`);
  assert.equal(headers.ratelimit, `"key";r=${remaining};t=${reset_s}`);
  const old = ['limit', 'remaining', 'reset'].map((name) => headers[`x-ratelimit-${name}`]);
  assert.deepEqual(old.map(Number), [limit, remaining, reset_s]);
}

/** What a client sees: status, code, challenge, and nothing of whose key a refused one is. */
function assertShape(answer, code) {
  const [status, challenge] = table[code];
  assert.equal(answer.status, status, code);
  assert.equal(answer.headers['x-auth-code'], code);
  assert.equal(answer.headers['www-authenticate'], challenge);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal('retry-after' in answer.headers, code === 'RATE_LIMITED');
  const has = identity.filter((name) => name in answer.headers);
  assert.deepEqual(has, code === 'VALID' ? identity : []);
  const told = Object.keys(answer.headers).filter((name) => name.includes('ratelimit'));
  assert.deepEqual(told.sort(), unproved.includes(code) ? [] : [...rates].sort());
}

test('the table has the codes that the program has', () => {
  assert.deepEqual(Object.keys(table), codesOf(vault));
  assert.deepEqual(Object.keys(ways), codesOf(vault));
});

test('the documents say of each code what is told', async () => {
  const read = (name) => readFile(path.join(ROOT, 'docs', name), 'utf8');
  const [verification, gateways] = await Promise.all(['verification.md', 'gateways.md'].map(read));
  const rows = verification.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  assert.deepEqual(rows.map(([, code]) => code), codesOf(vault));
  for (const [, code, , status] of rows) assert.equal(Number(status), table[code][0], code);
  for (const code of codesOf(vault)) assert.ok(gateways.includes(`\`${code}\``), code);
});

for (const [code, way] of Object.entries(ways).filter(([, one]) => one))
  test(`${code} is the same in every shape`, async () => {
    const question = await way(vault, await newAccount(vault));
    const told = assertStatus(await gateway.post('/v1/verify', { ...question, cost: 0 }), 200);
    // A look uses nothing up, and so is never told that nothing is left.
    assert.equal(told.code, code === 'RATE_LIMITED' ? 'VALID' : code);
    assert.deepEqual((await batch([question, {}])).map((one) => one.code), [code, 'MISSING']);
    assertIntrospection(await introspect(asForm(question)), code, told);
    for (const by of ['query', 'header']) {
      const [query, headers] = asForwarded(question, by);
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PROPFIND']) {
        const answer = await authorize(method, query, headers);
        assertShape(answer, code);
        if (code === 'VALID') {
          assert.equal(answer.text, '');
          assertIdentity(answer.headers, told);
        } else if (method !== 'HEAD') {
          assertProblem(answer, table[code][0]);
        }
      }
    }
  });

test('a batch is answered in order, as each of its questions would be', async () => {
  const account = await newAccount(vault);
  const keys = [];
  for (let i = 0; i < 4; i++) keys.push(await newTestKey(account));
  const items = Array.from({ length: 256 }, (_, i) => (i % 5 === 4
    ? { key: 'x' } : { key: keys[i % 5].client_secret, scopes: ['orders.read'], cost: i % 2 }));
  const results = await batch(items);
  assert.equal(results.length, 256);
  const wanted = items.map((_, i) => keys[i % 5]?.credential.id ?? null);
  assert.deepEqual(results.map(({ credential_id }) => credential_id), wanted);
  assert.ok(results.every(({ code }, i) => code === (i % 5 === 4 ? 'MALFORMED' : 'VALID')));
  for (const { client_secret: key } of keys) {
    const { body: { ratelimit } } = await gateway.post('/v1/verify', { key, cost: 0 });
    assert.ok(ratelimit.remaining >= 34 && ratelimit.remaining <= 36, ratelimit.remaining);
  }
  assert.deepEqual(await batch([]), []);
  const written = '{"items" : [ {"key":"\\u0063s_test", "mode":null} ] }'; // a tree is built for it
  const { results: [one] } = assertStatus(await gateway.call('POST', '/v1/verify/batch', {
    body: written, headers: { 'Content-Type': 'application/json' } }), 200);
  assert.equal(one.code, 'MALFORMED');
});

test('nothing of a batch is counted where anything of it is wrong', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const wrong = [
    [[{ key }, { key, ip: 'here' }], '/items/1/ip'],
    [[{ key }, { key, client_id: 'x' }], '/items/1/key'],
    [[{ key }, { key, scope: 'x' }], '/items/1/scope'],
    [[{ key }, { key, cost: -1 }], '/items/1/cost'],
    [[{ key }, { key, mode: 'none' }], '/items/1/mode'],
    [[{ key }, 7], '/items/1'],
    [Array(257).fill({ key }), '/items'],
  ];
  for (const [items, pointer] of wrong) {
    const { errors } = assertProblem(await gateway.post('/v1/verify/batch', { items }), 400);
    assert.ok(errors.some((error) => error.pointer === pointer), JSON.stringify(errors));
  }
  const [{ ratelimit }] = await batch([{ key, cost: 0 }]);
  assert.equal(ratelimit.remaining, 60);
});

test('the mode of each question of a batch is its own', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const body = (escape) => `{"items":[{"key":"${key}","mode":"live"},{"key":"${key}"},` +
    `{"key":"${key}","mode":"${escape}est"}]}`;
  for (const text of [body('t'), body('\\u0074')]) {
    const answer = await gateway.call('POST', '/v1/verify/batch', {
      body: text, headers: { 'Content-Type': 'application/json' } });
    const codes = assertStatus(answer, 200).results.map(({ code }) => code);
    assert.deepEqual(codes, ['WRONG_MODE', 'VALID', 'VALID']);
  }
});

test('a limit is counted down in headers as in JSON, and says when to come again', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const headers = { 'X-Api-Key': key };
  const first = await authorize('GET', '?cost=50', headers);
  assertRates(first.headers, { limit: 60, remaining: 10, reset_s: 50 });
  const refused = await authorize('GET', '?cost=20', headers);
  assertShape(refused, 'RATE_LIMITED');
  assertRates(refused.headers, { limit: 60, remaining: 10, reset_s: 50 });
  assert.ok([10, 11].includes(Number(refused.headers['retry-after'])));
  assertShape(await authorize('GET', '?cost=10', headers), 'VALID');
});

test('a key may stand in one of three places, and in no two of them', async () => {
  const { credential: { client_id }, client_secret: key } = await newTestKey(
    await newAccount(vault));
  const pair = Buffer.from(`${client_id}:${key}`).toString('base64');
  const places = [
    { Authorization: `Bearer ${key}` }, { Authorization: `bearer   ${key}` },
    { Authorization: `Basic ${pair}` }, { 'X-Api-Key': key }];
  for (const headers of places) assertShape(await authorize('GET', '', headers), 'VALID');
  const wrong = [
    { Authorization: `Bearer ${key}`, 'X-Api-Key': key },
    { Authorization: `Basic ${pair}`, 'X-Api-Key': key },
    { Authorization: 'Digest x', 'X-Api-Key': key },
    { Authorization: `Digest ${key}` }, { Authorization: key }, { Authorization: 'Basic %' },
    { Authorization: 'Bearer ' }, { Authorization: 'Basic' },
    { Authorization: `Basic ${Buffer.from(key).toString('base64')}` },
    { Authorization: `Basic ${Buffer.alloc(4000, 'a:').toString('base64')}` },
    { 'X-Api-Key': `Bearer ${key}` }, { 'X-Api-Key': `${key}x` }];
  for (const headers of wrong) assertShape(await authorize('GET', '', headers), 'MALFORMED');
  assertShape(await authorize('GET', '', { Authorization: '' }), 'MISSING');
  // Twice the same header is no request that could be read in one way.
  const connection = await RawConnection.open(vault);
  connection.send(`GET /v1/authorize HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${key}\r\n` +
    `X-Countersign-Token: ${vault.tokens.gateway}\r\nx-api-key: ${key}\r\n\r\n`);
  assert.equal((await connection.answer()).status, 400);
  connection.destroy();
});

test('whatever a client adds makes the question harder, and never easier', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const own = { 'X-Api-Key': key };
  const code = async (path, headers) =>
    (await authorize('GET', path, { ...own, ...headers })).headers['x-auth-code'];
  const cases = [
    ['?scope=orders.write', { 'X-Countersign-Scopes': 'orders.read' }, 'INSUFFICIENT_SCOPE'],
    ['?scope=orders.write', { 'X-Countersign-Scopes': '' }, 'INSUFFICIENT_SCOPE'],
    ['?scope=orders.write', { 'X-Countersign-Any-Scopes': 'orders.read' }, 'INSUFFICIENT_SCOPE'],
    ['?any_scope=orders.write', { 'X-Countersign-Any-Scopes': 'orders.read' }, 'BAD_QUESTION'],
    ['?any_scope=orders.write&any_scope=orders.read', {}, 'VALID'],
    ['?any_scope=orders.write,orders.read', {}, 'VALID'],
    ['', { 'X-Countersign-Any-Scopes': 'orders.write themes.read' }, 'INSUFFICIENT_SCOPE'],
    ['?mode=live', { 'X-Countersign-Mode': 'test' }, 'BAD_QUESTION'],
    ['?mode=live&mode=live', {}, 'WRONG_MODE'],
    ['?mode=live&mode=test', {}, 'BAD_QUESTION'],
    ['/orders?scope=orders.read&page=2', {}, 'VALID'],
    ['/orders?scope=orders.write&scope=orders.read', {}, 'INSUFFICIENT_SCOPE'],
    ['/orders?any_scope=orders.read', {}, 'BAD_QUESTION'],
    ['/a//b%2f..%zz', {}, 'VALID'],
    ['/?page=2', {}, 'VALID'],
    ['?page=2', {}, 'BAD_QUESTION'],
    ['?scopes=orders.read', {}, 'BAD_QUESTION'],
    ['?scope=%00', {}, 'BAD_QUESTION'],
    ['?scope="', {}, 'BAD_QUESTION'],
    ['?mode=', {}, 'BAD_QUESTION'],
    ['?cost=0', {}, 'BAD_QUESTION'],
    ['?cost=', {}, 'BAD_QUESTION'],
    ['?cost=1000001', {}, 'BAD_QUESTION'],
    ['?cost=1x', {}, 'BAD_QUESTION'],
    ['?cost=-1', {}, 'BAD_QUESTION'],
    ['?cost=%2B1', {}, 'BAD_QUESTION'],
    ['?cost=18446744073709551617', {}, 'BAD_QUESTION'],
    ['?cost=1000000', {}, 'RATE_LIMITED'],
    ['', { 'X-Countersign-Ip': 'here' }, 'BAD_QUESTION'],
    ['', { 'X-Countersign-Ip': '2001:db8::1' }, 'VALID'],
    ['', { 'X-Countersign-Scopes': 'Orders' }, 'BAD_QUESTION'],
    [`?scope=${Array.from({ length: 120 }, (_, i) => `aaaaaa.b${i}`)}`, {}, 'BAD_QUESTION'],
  ];
  for (const [path, headers, wanted] of cases)
    assert.equal(await code(path, headers), wanted, `${path} ${JSON.stringify(headers)}`);
  for (const path of ['?page=2', '?mode=x']) assertProblem(await authorize('GET', path, own), 400);
});

test('a form that cannot be understood is refused, and a stranger\'s members are not', async () => {
  const { client_secret: token } = await newTestKey(await newAccount(vault));
  const wrong = [
    [{}, '/token'], [{ scope: 'orders.read' }, '/token'], [{ token, mode: 'both' }, '/mode'],
    [{ token, ip: 'here' }, '/ip'], [{ token, scope: 'Orders' }, '/scope'],
    [[['token', token], ['token', token]], '/token'], [{ token: 'x'.repeat(1025) }, '/token'],
  ];
  for (const [members, pointer] of wrong) {
    const { errors } = assertProblem(await introspect(members), 400);
    assert.deepEqual(errors.map((error) => error.pointer), [pointer]);
  }
  for (const members of ['token=%zz', 'a=%00', 'a&'.repeat(65)])
    assertProblem(await gateway.post('/oauth/introspect', members,
      { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }), 400);
  assertProblem(await gateway.post('/oauth/introspect', { token }), 415);
  const foreign = { token, token_type_hint: 'refresh_token', client_id: 'x', client_secret: 'y' };
  assert.equal(assertStatus(await introspect(foreign), 200).active, true);
});

test('what a client claims to be is not told back', async () => {
  const spoofed = Object.fromEntries([...identity, 'x-auth-code', 'ratelimit', 'retry-after']
    .map((name) => [name, 'spoofed']));
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  for (const headers of [{ ...spoofed }, { ...spoofed, 'X-Api-Key': key }]) {
    const answer = await authorize('GET', '', headers);
    assert.ok(!JSON.stringify(answer.headers).includes('spoofed'));
    assertShape(answer, headers['X-Api-Key'] ? 'VALID' : 'MISSING');
  }
});

test('a body is let pass unread, whatever it says it is', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const headers = { 'X-Api-Key': key, 'Content-Type': 'text/nonsense', Accept: 'image/png',
    'Content-Encoding': 'gzip' };
  for (const body of ['', 'x', Buffer.alloc(1024 * 1024, 'x')])
    assertShape(await authorize('PUT', '', headers, body), 'VALID');
  const started = `POST /v1/authorize HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${key}\r\n` +
    `X-Countersign-Token: ${vault.tokens.gateway}\r\n`;
  for (const [rest, body] of [
    ['Expect: 100-continue\r\nContent-Length: 5\r\n', ''],
    [`Content-Length: ${1024 * 1024 + 1}\r\n`, ''],
    ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n']]) {
    const connection = await RawConnection.open(vault);
    connection.send(`${started}${rest}\r\n${body}`);
    const { status, headers: { connection: ending } } = await connection.answer();
    assert.deepEqual([status, ending], [200, 'close'], rest);
    connection.destroy();
  }
});

test('a gateway that is not known is told so, and not that the key is bad', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const asked = (headers) => vault.anonymous.get('/v1/authorize', { headers });
  for (const headers of [{}, { 'X-Countersign-Token': 'x' },
    { Authorization: `Bearer ${vault.tokens.gateway}` }]) {
    const answer = await asked({ 'X-Api-Key': key, ...headers });
    assertProblem(answer, 401, 'unauthenticated');
    assert.equal(answer.headers['x-auth-code'], 'GATEWAY_UNKNOWN');
  }
  const answer = await asked({ 'X-Api-Key': key, 'X-Countersign-Token': vault.tokens.admin });
  assertProblem(answer, 403, 'forbidden');
  assert.equal(answer.headers['x-auth-code'], 'GATEWAY_FORBIDDEN');
});
