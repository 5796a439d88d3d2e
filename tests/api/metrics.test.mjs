// What the server tells Prometheus: sound to its own checker, right in its figures, and without a
// word about whose keys they are.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());
const admin = vault.as('admin');
const gateway = vault.as('gateway');

/** The samples by name and labels, as they stand: {'countersign_store_up': 1}. */
async function scrape(caller = admin) {
  const answer = await caller.get('/metrics');
  assertStatus(answer, 200);
  const lines = answer.text.split('\n').filter((line) => line && !line.startsWith('#'));
  const samples = lines.map((line) => {
    const [, name, value] = /^(\S+(?: \S+)*) (\S+)$/.exec(line);
    return [name, Number(value)];
  });
  assert.equal(new Set(samples.map(([name]) => name)).size, samples.length, 'a sample twice');
  return Object.fromEntries(samples);
}

const verifications = (shape, code) =>
  `countersign_verifications_total{shape="${shape}",code="${code}"}`;

test('promtool has nothing to say against it', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  assertStatus(await gateway.post('/v1/verify', { key }), 200);
  const answer = await admin.get('/metrics');
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const told = execFileSync('promtool', ['check', 'metrics'], { input: answer.text });
  assert.equal(told.toString(), '');
});

test('each verification is counted once, by shape and code', async () => {
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const before = await scrape();
  const form = { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } };
  const forwarded = { headers: { 'X-Api-Key': key }, forwarded: true };
  assertStatus(await gateway.post('/v1/verify', { key }), 200);
  assertStatus(await gateway.post('/v1/verify', { key: 'x' }), 200);
  const items = [{ key }, { key }, {}];
  assertStatus(await gateway.post('/v1/verify/batch', { items }), 200);
  assertStatus(await gateway.get('/v1/authorize', forwarded), 200);
  assertStatus(await gateway.get('/v1/authorize?scope=x.y', forwarded), 403);
  assertStatus(await gateway.post('/oauth/introspect', `token=${key}`, form), 200);
  const now = await scrape();
  const grown = Object.keys(now).filter((name) => name.includes('verifications_total'))
    .map((name) => [name, now[name] - before[name]]).filter(([, more]) => more);
  assert.deepEqual(Object.fromEntries(grown), {
    [verifications('verify', 'VALID')]: 1, [verifications('verify', 'MALFORMED')]: 1,
    [verifications('batch', 'VALID')]: 2, [verifications('batch', 'MISSING')]: 1,
    [verifications('authorize', 'VALID')]: 1,
    [verifications('authorize', 'INSUFFICIENT_SCOPE')]: 1,
    [verifications('introspect', 'VALID')]: 1,
  });
});

test('requests are counted by route and class, and their time in buckets', async () => {
  const before = await scrape();
  for (let i = 0; i < 5; i++) await vault.anonymous.get('/healthz');
  await vault.anonymous.get('/nothing');
  const now = await vault.until(async () => {
    const samples = await scrape();
    const name = 'countersign_http_requests_total{route="none",status="4xx"}';
    return samples[name] - (before[name] ?? 0) === 1 && samples;
  });
  const requests = 'countersign_http_requests_total{route="system.health",status="2xx"}';
  assert.equal(now[requests] - (before[requests] ?? 0), 5);
  const named = (part, rest = '') =>
    `countersign_http_request_duration_seconds_${part}{route="system.health"${rest}}`;
  assert.equal(now[named('count')], now[requests]);
  assert.equal(now[named('bucket', ',le="+Inf"')], now[requests]);
  assert.ok(now[named('sum')] > 0);
});

test('it tells of connections, store, limits and process', async () => {
  const samples = await scrape();
  for (const name of ['countersign_http_connections', 'countersign_store_commits_total',
    'countersign_store_used_bytes', 'countersign_store_up', 'process_cpu_seconds_total',
    'process_resident_memory_bytes', 'process_open_fds',
    'countersign_limits_places{table="rates"}'])
    assert.ok(samples[name] > 0, name);
  assert.equal(samples['countersign_limits_overflows_total{table="failed_attempts"}'], 0);
  assert.equal(samples.countersign_usage_dropped_total, 0);
  assert.ok('countersign_limits_busy{table="rates"}' in samples);
});

test('no label says whose keys are used', async () => {
  const { text } = await admin.get('/metrics');
  assert.doesNotMatch(text, /(acct|cred|user|svc|tok|req)_[0-9A-Z]|cs_(test|live|id|user|svc)_/);
  const labels = new Set([...text.matchAll(/[{,]([a-z]+)="/g)].map(([, name]) => name));
  const known = ['code', 'le', 'loop', 'route', 'shape', 'status', 'table', 'version'];
  assert.deepEqual([...labels].sort(), known);
});

test('a service token may be for nothing else', async (t) => {
  const order = { kind: 'service', name: 'scraper', roles: ['metrics'] };
  const scraping = await countersign(t, ['token', 'create', '--kind', 'service',
    '--role', 'metrics', '--name', 'scraper', '--format', 'json'], { vault, role: 'admin' });
  assert.equal(scraping.status, 0, scraping.stderr);
  const scraper = vault.with(scraping.json().secret);
  assert.ok(Object.keys(await scrape(scraper)).length > 50);
  assertProblem(await scraper.post('/v1/verify', {}), 403, 'forbidden');
  assertProblem(await scraper.get('/v1/credentials'), 403, 'forbidden');
  assertProblem(await gateway.get('/metrics'), 403, 'forbidden');
  const both = { ...order, roles: ['metrics', 'gateway'] };
  const made = assertStatus(await admin.post('/v1/tokens', both), 201);
  assertStatus(await vault.with(made.secret).post('/v1/verify', {}), 200);
  assertStatus(await vault.with(made.secret).get('/metrics'), 200);
  for (const roles of [['metrics', 'admin'], ['developer']])
    assertProblem(await admin.post('/v1/tokens', { ...order, roles }), 400);
});
