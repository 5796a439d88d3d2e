// Where the program listens: network addresses and Unix sockets, and who may connect to them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, lstat, readFile, rename, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { countersign } from './lib/cli.mjs';
import { newAccount, newTestKey } from './lib/desk.mjs';
import { makeVault, serve } from './lib/served.mjs';
import { PROGRAM, startVault, temporaryFolder } from './lib/vault.mjs';

/** {status, headers, body} of one request over a Unix socket. */
function ask(socketPath, method, target, { headers = {}, body } = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path: target, headers: sent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      answer.on('error', reject).on('end', () => resolve({
        status: answer.statusCode, headers: answer.headers, body: text && JSON.parse(text) }));
    });
    request.on('error', reject).end(body && JSON.stringify(body));
  });
}

async function gatewayVault(t, options = {}) {
  const socket = path.join(await temporaryFolder(t), 'gateway.sock');
  const vault = await startVault(t, { args: ['--gateway-socket', socket], ...options });
  return { vault, socket };
}

test('everything is served over a Unix socket too, and by the command line', async (t) => {
  const folder = await temporaryFolder(t);
  const socket = path.join(folder, 'all.sock');
  const vault = await startVault(t, { args: ['--listen', `unix:${socket}`] });
  assert.equal((await stat(socket)).mode & 0o777, 0o600);
  const env = { COUNTERSIGN_URL: `unix:${socket}` };
  const token = vault.tokens.developer;
  const args = ['credential', 'create', '--account', vault.accounts.acme, '--name', 'k',
    '--scope', 'orders.read', '--format', 'json'];
  const made = await countersign(t, args, { token, env });
  assert.equal(made.status, 0, made.stderr);
  const { items } = (await vault.as('developer').get('/v1/credentials')).body;
  assert.equal(items[0].id, made.json().credential.id);
  const audit = (await vault.as('auditor').get('/v1/audit?order=newest')).body.items;
  assert.ok(audit.some(({ address }) => address === 'unix'), JSON.stringify(audit[0]));

  for (const [url, status, told] of [
    ['unix:all.sock', 2, /absolute path/],
    [`unix:/${'x'.repeat(107)}`, 2, /at most 107 bytes/],
    [`unix:${folder}/nobody`, 7, /cannot talk to unix:/]]) {
    const wrong = { token, env: { COUNTERSIGN_URL: url } };
    const ran = await countersign(t, ['credential', 'list'], wrong);
    assert.equal(ran.status, status, ran.stderr);
    assert.match(ran.stderr, told);
  }
});

test("the gateway's socket takes its questions without a token, and nothing else", async (t) => {
  const { vault, socket } = await gatewayVault(t);
  const { client_secret: key } = await newTestKey(await newAccount(vault));
  const code = async (headers = {}) =>
    (await ask(socket, 'POST', '/v1/verify', { headers, body: { key } })).body.code;
  assert.equal(await code(), 'VALID');
  const forwarded = { Authorization: `Bearer ${key}` };
  const authorized = await ask(socket, 'GET', '/v1/authorize', { headers: forwarded });
  assert.equal(authorized.headers['x-auth-code'], 'VALID');
  assert.equal((await ask(socket, 'GET', '/healthz')).status, 200);

  // A token that is sent has to be good all the same.
  assert.equal(await code({ Authorization: `Bearer ${vault.tokens.gateway}` }), 'VALID');
  assert.equal(await code({ Authorization: 'Bearer nonsense' }), 'unauthenticated');
  assert.equal(await code({ Authorization: `Bearer ${vault.tokens.developer}` }), 'forbidden');
  const unknown = { ...forwarded, 'X-Countersign-Token': 'nonsense' };
  assert.equal((await ask(socket, 'GET', '/v1/authorize', { headers: unknown })).status, 401);

  // Whoever is led to this socket by a proxy finds nothing there but that.
  for (const [role, token] of [['nobody', undefined], ...Object.entries(vault.tokens)])
    for (const target of ['/v1/credentials', '/v1/me', '/v1/whoami', '/metrics']) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const { status } = await ask(socket, 'GET', target, { headers });
      assert.equal(status, 403, `${role}: ${target}`);
    }
  assert.equal((await ask(socket, 'POST', '/v1/claims', { body: { claim: 'x' } })).status, 403);
  assert.equal((await vault.anonymous.post('/v1/verify', { key })).status, 401);
});

test('a socket that nobody serves any more is replaced, and nothing else is', async (t) => {
  const { vault, socket } = await gatewayVault(t);
  await vault.kill();
  assert.ok((await lstat(socket)).isSocket());
  await vault.start();
  assert.equal((await ask(socket, 'GET', '/healthz')).status, 200);

  const others = [[socket, /another process listens there/]];
  const file = path.join(await temporaryFolder(t), 'file');
  await writeFile(file, 'precious');
  others.push([file, /no socket is there/], [path.dirname(file), /no socket is there/]);
  others.push([path.join(file, 'below'), /Not a directory/]);
  for (const [there, why] of others) {
    const args = ['dev', '--data', path.join(await temporaryFolder(t), 'other'), '--listen',
      `unix:${there}`];
    const ran = await countersign(t, args);
    assert.notEqual(ran.status, 0);
    assert.match(ran.stderr, why);
  }
  assert.equal(await readFile(file, 'utf8'), 'precious');
  assert.equal((await ask(socket, 'GET', '/healthz')).status, 200);
  await vault.stop();
  await assert.rejects(lstat(socket), { code: 'ENOENT' });
});

test('a socket that another process has put in its place is left to it', async (t) => {
  const { vault, socket } = await gatewayVault(t);
  const other = net.createServer().listen(`${socket}.other`);
  await once(other, 'listening');
  t.after(() => other.close());
  await rename(`${socket}.other`, socket);
  await vault.stop();
  assert.ok((await lstat(socket)).isSocket());
});

test('mode, group and users say who may connect', async (t) => {
  const vault = await makeVault(t);
  const at = (name) => path.join(vault.folder, name);
  const uid = process.geteuid();
  const open = 'serves: gateway, mode: "0666"';
  await vault.write(`listen:
  - { address: "unix:${at('own')}", serves: gateway }
  - { address: "unix:${at('mode')}", mode: "0640" }
  - { address: "unix:${at('listed')}", ${open}, users: ["${uid}"] }
  - { address: "unix:${at('foreign')}", ${open}, users: ["65533", "65532"] }\n`);
  const server = await serve(t, vault);
  await server.said(/(address=\S*foreign)/);
  const mode = async (name) => (await stat(at(name))).mode & 0o777;
  assert.deepEqual([await mode('own'), await mode('mode'), await mode('listed')],
    [0o600, 0o640, 0o666]);
  for (const name of ['own', 'mode', 'listed'])
    assert.equal((await ask(at(name), 'GET', '/healthz')).status, 200, name);
  for (let i = 0; i < 3; i++) await assert.rejects(ask(at('foreign'), 'GET', '/healthz'));
  assert.equal((await ask(at('own'), 'GET', '/healthz')).status, 200);
  assert.equal(await server.end(), 0);
});

test('beyond this machine nothing is spoken plainly, unless the operator says so', async (t) => {
  const data = path.join(await temporaryFolder(t), 'v');
  for (const address of ['0.0.0.0:0', '[::]:0']) {
    const ran = await countersign(t, ['dev', '--data', data, '--listen', address]);
    assert.notEqual(ran.status, 0, address);
    assert.match(ran.stderr, /will not speak plainly beyond this machine.*transport: tls/);
    assert.match(ran.stderr, /--insecure-listen/);
  }
  const vault = await startVault(t, { args: ['--listen', '0.0.0.0:0', '--insecure-listen'] });
  assert.match(vault.log, /address=0\.0\.0\.0:\d+/);
});

test('sockets that a supervisor has bound are taken over by name, and left to it', async (t) => {
  const vault = await makeVault(t);
  const socket = path.join(vault.folder, 'gate');
  await vault.write('listen: [{ address: "systemd:gate", serves: gateway, ' +
    `users: ["${process.geteuid()}"] }, "systemd:all"]\n`);
  const start = (names) => serve(t, vault, { command: ['systemd-socket-activate',
    '-l', path.join(vault.folder, 'all'), '-l', socket, `--fdname=${names}`, PROGRAM] });
  const server = await start('all:gate');
  await server.said(/(Listening on \S+gate)/);
  assert.equal((await ask(socket, 'GET', '/healthz')).status, 200); // which has it started
  assert.equal((await ask(socket, 'GET', '/v1/me')).status, 403);
  assert.equal((await ask(path.join(vault.folder, 'all'), 'GET', '/v1/me')).status, 401);
  assert.equal(await server.end(), 0);
  assert.ok((await lstat(socket)).isSocket());

  const without = await start('all:other');
  await without.said(/(Listening on \S+gate)/);
  await assert.rejects(ask(socket, 'GET', '/healthz'));
  assert.notEqual((await without.exit)[0], 0);
  assert.match(without.log(), /no listening socket of this name was inherited.* name=gate/);
});

test('one that a supervisor has opened to everybody does not stand for the gateway', async (t) => {
  const vault = await makeVault(t);
  const socket = path.join(vault.folder, 'gate');
  await vault.write('listen: [{ address: "systemd:gate", serves: gateway }]\n');
  const server = await serve(t, vault, { command: ['systemd-socket-activate', '-l', socket,
    '--fdname=gate', PROGRAM] });
  await server.said(/(Listening on)/);
  await chmod(socket, 0o666);
  await assert.rejects(ask(socket, 'GET', '/healthz'));
  assert.notEqual((await server.exit)[0], 0);
  assert.match(server.log(), /everybody could connect to the gateway's socket/);
});

const wrong = [
  ['listen: []', /:4:\d+: .*1 to 8 members/],
  ['listen: ["localhost:1"]', /:4:10: .*HOST:PORT with numbers, unix:\/absolute\/path/],
  ['listen: ["unix:relative"]', /:4:10: /],
  [`listen: ["unix:/${'x'.repeat(107)}"]`, /at most 107 bytes/],
  ['listen: [{ addres: "127.0.0.1:1" }]', /address/],
  ['listen: [{ address: "127.0.0.1:1", transport: ssl }]', /tls/],
  ['listen: [{ address: "127.0.0.1:1", transport: tls }]', /certificate/],
  ['listen: [{ address: "127.0.0.1:1", serves: gateway }]', /Unix socket/],
  ['listen: [{ address: "127.0.0.1:1", mode: "0600" }]', /Unix sockets/],
  ['listen: [{ address: "unix:/x", transport: tls }]', /needs no transport/],
  ['listen: [{ address: "unix:/x", mode: "0888" }]', /mode such as 0660/],
  ['listen: [{ address: "unix:/x", users: [] }]', /1 to 4 members/],
  ['listen: [{ address: "systemd:x", group: y }]', /whoever binds the socket/],
  ['tls: { certificate: /x }', /key/],
];
for (const [text, told] of wrong)
  test(`a wrong configuration is told where and why: ${text.slice(0, 60)}`, async (t) => {
    const vault = await makeVault(t);
    await vault.write(`${text}\n`);
    const ran = await countersign(t, ['serve', '--check', '--allow-unlocked-memory', '--config',
      vault.config]);
    assert.equal(ran.status, 2); // for systemd: not to be started again
    assert.match(ran.stderr, told);
  });

test('a low limit of open files is raised as far as it may be, and told where that is too little',
  async (t) => {
    const vault = await makeVault(t);
    await vault.write('listen: ["127.0.0.1:0"]\nlimits: { connections: 2000 }\n');
    const openFiles = async ({ child }) => /^Max open files +(\d+)/m
      .exec(await readFile(`/proc/${child.pid}/limits`, 'utf8'))[1];
    const enough = await serve(t, vault, { command: ['prlimit', '--nofile=256:4096', PROGRAM] });
    await enough.said(/msg="(listening)"/);
    assert.equal(await openFiles(enough), '2256');
    assert.doesNotMatch(enough.log(), /limit of open files/);
    assert.equal(await enough.end(), 0);
    const little = await serve(t, vault, { command: ['prlimit', '--nofile=256:512', PROGRAM] });
    await little.said(/msg="(listening)"/);
    assert.equal(await openFiles(little), '512');
    assert.match(little.log(),
      /level=warn msg="fewer connections .*open files.*" files=512 wanted=2256/);
  });

test('what the file system or the system says no to is told', async (t) => {
  const vault = await makeVault(t);
  const at = `unix:${vault.folder}/s`;
  for (const [listen, told] of [
    [`{ address: "${at}", group: no-such-group }`, /group is not known/],
    [`{ address: "${at}", users: [no-such-user] }`, /user is not known/],
    [`{ address: "${at}", users: [99999999999] }`, /user is not known/],
    [`{ address: "${at}", serves: gateway, mode: "0666" }`, /everybody could connect/],
    [`{ address: "unix:${vault.folder}/none/s" }`, /No such file/]]) {
    await vault.write(`listen: [${listen}]\n`);
    const server = await serve(t, vault);
    assert.notEqual((await server.exit)[0], 0, listen);
    assert.match(server.log(), told);
  }
});
