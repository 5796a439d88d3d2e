// The command line end to end: signing in, secrets that never are arguments, what scripts rely on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import test, { after } from 'node:test';
import { assertStatus } from './lib/caller.mjs';
import { countersign, spawnCountersign } from './lib/cli.mjs';
import { newAccount, newClaim, newRequest, newTestKey, approve, verify } from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { startVault, temporaryFolder } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy() });
after(() => vault.close());
const SECRET = /cs_(?:test|live|claim|user|svc)_[0-9A-Za-z]{39}/;

/** As the developer of an account of its own; `run` is countersign with that developer's token. */
async function desk(t) {
  const account = await newAccount(vault);
  const run = (args, options) => countersign(t, args, { vault, token: account.token, ...options });
  return { account, run };
}

function assertOk({ status, stdout, stderr }) {
  assert.equal(status, 0, stderr);
  return stdout;
}

test('signed in, the token lies in a file that nobody else may read, and serves', async (t) => {
  const home = await temporaryFolder(t);
  const env = { XDG_CONFIG_HOME: home };
  const file = path.join(home, 'countersign', 'login.json');
  const login = await countersign(t, ['login', '--url', vault.url],
    { env, input: `${vault.tokens.developer}\n` });
  assertOk(login);
  assert.doesNotMatch(login.stdout + login.stderr, SECRET);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
  assert.equal(JSON.parse(await readFile(file, 'utf8')).token, vault.tokens.developer);
  const who = await countersign(t, ['whoami', '--format', 'json'], { env });
  assert.deepEqual(JSON.parse(assertOk(who)).roles, ['developer']);

  await chmod(file, 0o644);
  const open = await countersign(t, ['whoami'], { env });
  assert.notEqual(open.status, 0);
  assert.match(open.stderr, /login file .* mode 0600/);
  await chmod(file, 0o600);
  assertOk(await countersign(t, ['logout'], { env }));
  assert.deepEqual(await readdir(path.dirname(file)), []);
  assert.notEqual((await countersign(t, ['whoami'], { env })).status, 0);
});

test('a token that the server does not take is not kept', async (t) => {
  const home = await temporaryFolder(t);
  const { status, stderr } = await countersign(t, ['login', '--url', vault.url],
    { env: { XDG_CONFIG_HOME: home }, input: `cs_user_${'0'.repeat(39)}\n` });
  assert.equal(status, 4, stderr);
  assert.deepEqual(await readdir(home), []);
});

test('data goes to stdout, messages to stderr, and JSON is the answer as it came', async (t) => {
  const { account, run } = await desk(t);
  const args = ['credential', 'create', '--account', account.id, '--name', 'a "b" \u00e9',
    '--scope', 'orders.read,products.read', '--expires-in', '2h', '--allow-ip', '192.0.2.0/24'];
  const made = JSON.parse(assertOk(await run([...args, '--format', 'json'])));
  assert.equal(made.credential.name, 'a "b" \u00e9');
  assert.deepEqual(made.credential.allowed_ips, ['192.0.2.0/24']);
  assert.equal((await verify(vault, made.client_secret, { ip: '192.0.2.1' })).code, 'VALID');

  const listed = await run(['credential', 'list', '--format', 'json']);
  assert.deepEqual(JSON.parse(assertOk(listed)).items, assertStatus(
    await account.developer.get('/v1/credentials'), 200).items);
  assert.equal(listed.stderr, '');
  const table = assertOk(await run(['credential', 'list']));
  assert.match(table, new RegExp(`^ID +NAME .*\n${made.credential.id} +a "b" \u00e9 `));
  assert.doesNotMatch(table, /\u001b/);
  const shown = assertOk(await run(['credential', 'show', made.credential.id]));
  assert.match(shown, /^secret_hint +cs_test_…/m);
  assert.doesNotMatch(shown, SECRET);
});

test('lists go on where they ended, and to their end', async (t) => {
  const { account, run } = await desk(t);
  for (let i = 0; i < 5; i++) await newTestKey(account);
  const page = await run(['credential', 'list', '--limit', '2', '--format', 'json']);
  const { items, next_cursor } = JSON.parse(assertOk(page));
  const rest = await run(['credential', 'list', '--limit', '3', '--cursor', next_cursor,
    '--format', 'json']);
  items.push(...JSON.parse(assertOk(rest)).items);
  const all = await run(['credential', 'list', '--all', '--limit', '2', '--format', 'json']);
  assert.deepEqual(JSON.parse(assertOk(all)).items, items);
  const more = await run(['credential', 'list', '--limit', '2']);
  assert.match(more.stderr, /there are more/);
});

test('each kind of failure has an exit code of its own', async (t) => {
  const { account, run } = await desk(t);
  const create = ['credential', 'create', '--account', account.id, '--name', 'x'];
  const made = await newTestKey(account);
  const revoked = ['credential', 'revoke', made.credential.id, '--yes'];
  assertOk(await run(revoked));
  const cases = [
    [2, ['credential', 'crate']],
    [2, ['credential', 'create', '--name', 'x']],
    [2, ['credential', 'show', 'req_01JC2V5Q8ZK3W7R9T4N6M0XBYD']],
    [2, ['credential', 'list', '--limit', '101']],
    [3, ['credential', 'show', `cred_${'1'.repeat(26)}`]],
    [4, ['audit', 'list']],
    [5, ['credential', 'rotate', made.credential.id]],
    [6, [...create, '--scope', 'order.read']],
    [6, [...create, '--mode', 'live', '--scope', 'orders.read']],
  ];
  for (const [status, args] of cases) {
    const ended = await run(args);
    assert.equal(ended.status, status, `${args}: ${ended.stderr}`);
    assert.equal(ended.stdout, '', `${args}`);
    assert.match(ended.stderr, /^countersign: /);
  }
  assert.equal((await run(['whoami'], { token: 'cs_user_x' })).status, 4);
  const gone = await countersign(t, ['whoami', '--url', 'http://127.0.0.1:9'],
    { token: account.token });
  assert.equal(gone.status, 7, gone.stderr);
});

test('verify asks for all of some scopes, and for one of others', async (t) => {
  const vault = await startVault(t);
  const { client_secret } = await newTestKey(await newAccount(vault), { scopes: ['orders.read'] });
  const verify = async (...args) => (await countersign(t, ['verify', ...args],
    { vault, role: 'gateway', input: `${client_secret}\n` })).status;
  assert.equal(await verify('--any-scope', 'themes.read,orders.read'), 0);
  assert.equal(await verify('--any-scope', 'themes.read'), 4);
  assert.equal(await verify('--scope', 'themes.read', '--any-scope', 'orders.read'), 4);
});

test('a refusal is told in words of the command line: which option, and what to do', async (t) => {
  const vault = await startVault(t);
  const make = (...args) => countersign(t, ['credential', 'create', '--account',
    vault.accounts.acme, '--name', 'x', ...args], { vault, role: 'developer' });
  const longer = await make('--scope', 'orders.read', '--expires-in', '1000d');
  assert.equal(longer.status, 6);
  assert.match(longer.stderr, /--expires-in: The policy permits at most 90d \(7776000 seconds\)\./);
  const nothing = await make();
  assert.match(nothing.stderr, /--scope: Name a bundle, or at least one scope\./);
  const unknown = await make('--scope', 'product.read');
  assert.match(unknown.stderr, /--scope: .*did you mean "products\.read"\?/);
  assert.match(unknown.stderr, /“countersign policy show” has those there are/);
  const live = await make('--scope', 'orders.read', '--mode', 'live');
  assert.match(live.stderr, /--mode: .*\n.*“countersign request create”/);

  const shown = await countersign(t, ['policy', 'show'], { vault, role: 'developer' });
  assert.equal(shown.status, 0, shown.stderr);
  for (const line of [/^Scopes +analytics\.read: Read reports$/m,
    /^ +orders\.write: Create and change orders \(high risk\)$/m,
    /^ +theme-development: themes\.read themes\.write$/m,
    /^Rules +everything: when \{"scopes":\["\*"\]\}; approvals 2; groups security;$/m,
    /^ +otherwise: approvals 1$/m])
    assert.match(shown.stdout, line);
  assert.match(shown.stdout.replace(/\s+/g, ' '),
    /Test .*; expires_after 90d; rate_limit 100; rate_window 1m;/);
  for (const line of shown.stdout.split('\n')) assert.ok(line.length <= 80, line);

  const edited = await countersign(t, ['account', 'edit', vault.accounts.acme],
    { vault, role: 'admin' });
  assert.equal(edited.status, 2);
  assert.match(edited.stderr, /there is nothing to change: give an option/);
  const nowhere = await countersign(t, ['whoami', '--url', 'unix:/nowhere/at-all'],
    { token: vault.tokens.developer });
  assert.equal(nowhere.status, 7);
  assert.match(nowhere.stderr, /cannot talk to unix:\/nowhere\/at-all: No such file or dir/);
  const mistyped = await countersign(t, ['help', 'credential', 'creat']);
  assert.equal(mistyped.status, 2);
  assert.match(mistyped.stderr, /no such command: creat; did you mean create\?/);
});

test('a secret goes into a file of its own, new and private, not to the terminal', async (t) => {
  const { account, run } = await desk(t);
  const file = path.join(await temporaryFolder(t), 'shop.env');
  const args = ['credential', 'create', '--account', account.id, '--name', 'x', '--scope',
    'orders.read', '--env', file];
  const made = await run(args);
  assert.doesNotMatch(assertOk(made) + made.stderr, SECRET);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const text = await readFile(file, 'utf8');
  const [, id, secret] = /^CLIENT_ID=(.*)\nCLIENT_SECRET=(.*)\n$/.exec(text);
  assert.match(id, /^cs_id_/);
  assert.equal((await verify(vault, secret)).code, 'VALID');

  const again = await run(args);
  assert.notEqual(again.status, 0, 'a file that is there is not overwritten');
  assert.equal((await account.developer.get('/v1/credentials')).body.items.length, 1);
});

test('keys and claims come from stdin, a file or the whole link, never as arguments', async (t) => {
  const { account } = await desk(t);
  const request = await approve(vault, await newRequest(account));
  const { claim, url } = await newClaim(account, request);
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'claim');
  await writeFile(file, `${url}\n`, { mode: 0o600 });
  const looked = await countersign(t, ['claim', 'lookup', '--claim-file', file, '--format', 'json'],
    { vault });
  assert.equal(JSON.parse(assertOk(looked)).good, true);
  const fetched = await countersign(t, ['claim', 'fetch', '--format', 'json'],
    { vault, input: `${claim}\n` });
  const { client_secret } = JSON.parse(assertOk(fetched));
  const gateway = (args, input) => countersign(t, ['verify', ...args], {
    vault, role: 'gateway', input,
  });
  assertOk(await gateway([], client_secret));
  assert.equal((await gateway(['--scope', 'orders.write'], client_secret)).status, 4);
  const second = await countersign(t, ['claim', 'fetch', '--claim-file', '-'],
    { vault, input: claim });
  assert.equal(second.status, 5);
  assert.match(second.stderr, /already_claimed/);
  const quarantined = await gateway(['--format', 'json'], client_secret);
  assert.deepEqual([quarantined.status, quarantined.json().code], [4, 'QUARANTINED']);

  for (const args of [['claim', 'fetch', claim], ['verify', client_secret],
    ['verify', '--key', client_secret], ['login', account.token]]) {
    const refused = await countersign(t, args, { vault, role: 'gateway' });
    assert.equal(refused.status, 2, `${args[0]} takes a secret as an argument`);
    assert.doesNotMatch(refused.stderr, SECRET, 'the complaint repeats it');
  }
});

test('while it talks to a server, no secret is in its arguments', async (t) => {
  const silent = net.createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const token = vault.tokens.gateway;
  const file = path.join(await temporaryFolder(t), 'token');
  await writeFile(file, token, { mode: 0o600 });
  const connected = once(silent, 'connection');
  const child = spawnCountersign(t, ['whoami', '--token-file', file, '--url',
    `http://127.0.0.1:${silent.address().port}`]);
  const [socket] = await connected;
  t.after(() => socket.destroy());
  const [bytes] = await once(socket, 'data');
  assert.ok(bytes.includes(token), 'it did not even send the token');
  for (const name of ['cmdline', 'environ'])
    assert.ok(!(await readFile(`/proc/${child.pid}/${name}`)).includes(token), name);
  assert.match(await readFile(`/proc/${child.pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
});

test('plain http is for this machine alone', async (t) => {
  const { status, stderr } = await countersign(t, ['whoami', '--url', 'http://192.0.2.1'],
    { token: vault.tokens.developer });
  assert.notEqual(status, 0);
  assert.match(stderr, /--insecure-http|https/);
});

test('the same idempotency key does nothing twice', async (t) => {
  const { account, run } = await desk(t);
  const args = ['credential', 'create', '--account', account.id, '--name', 'x', '--scope',
    'orders.read', '--idempotency-key', 'deploy-7', '--format', 'json'];
  const first = JSON.parse(assertOk(await run(args)));
  assert.deepEqual(JSON.parse(assertOk(await run(args))), first);
  assert.equal((await account.developer.get('/v1/credentials')).body.items.length, 1);
});

test('a policy file is checked without a server, with line and column', async (t) => {
  const folder = await temporaryFolder(t);
  const good = path.join(folder, 'good.yaml');
  const bad = path.join(folder, 'bad.yaml');
  await writeFile(good, policyText());
  await writeFile(bad, policyText().replace('orders.write"\n', 'order.write"\n'));
  assertOk(await countersign(t, ['policy', 'check', good]));
  const wrong = await countersign(t, ['policy', 'check', bad, '--format', 'json']);
  assert.equal(wrong.status, 6);
  const [{ line, column, message }] = wrong.json().errors;
  assert.ok(line > 1 && column > 1);
  assert.match(message, /orders\.write/);
});

test('every command explains itself, and the shells are told what there is', async (t) => {
  const root = assertOk(await countersign(t, ['--help']));
  for (const noun of ['credential', 'request', 'claim', 'policy', 'audit', 'account', 'user']) {
    assert.match(root, new RegExp(`^ +${noun} `, 'm'));
    const help = assertOk(await countersign(t, [noun, '--help']));
    for (const [, verb] of help.matchAll(/^ {2}([a-z-]+) {2,}/gm))
      assert.match(assertOk(await countersign(t, [noun, verb, '--help'])), /^Usage: /m);
  }
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match(assertOk(await countersign(t, ['completion', shell])), /countersign/);
  assert.match(assertOk(await countersign(t, ['version'])), /^countersign \d/);
});
