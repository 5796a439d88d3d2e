// Planted secrets: after everything that the interface can do has been done, what was secret is
// looked for where it must not be. The search itself is tried on places where they have to be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, copyFile, readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, decide, fetchClaim, newAccount, newClaim, newLiveKey, newRequest, newTestKey, newUser,
  verify,
} from './lib/desk.mjs';
import { callFor, callerOf, perform } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { PROGRAM, startVault, temporaryFolder } from './lib/vault.mjs';

/* What people tell a vault, and what is nobody's business who reads its file. */
const planted = {
  'account name': 'Zanzibar Umbrella Works',
  'account tag': 'quokkatag',
  'user name': 'Wilhelmina Quillfeather',
  'e-mail': 'wilhelmina@quillfeather.example',
  group: 'vermilionguild',
  scope: 'zeppelins.read',
  bundle: 'marzipan-export',
  'credential name': 'Perihelion feed',
  description: 'Feeds the perihelion of the orrery',
  'use case': 'We count the zeppelins over Ouagadougou.',
  comment: 'Looks kosher to the harbourmaster',
  question: 'Which aerodrome is meant?',
  reply: 'The one beside the gasworks',
  recipient: 'claimant@aerodrome.example',
  network: '203.0.113.77',
  'token name': 'escapement laptop',
  reason: 'unpaid zeppelin duties',
  'request id': 'x-planted-request-id-4711',
  'idempotency key': 'planted-idempotency-key-4712',
};
const TOKEN = /\b[a-z]+_(?:test|live|claim|user|svc)_[0-9A-Za-z]{39}\b/g;
const secrets = new Set();

const vault = await startVault(undefined, {
  logLevel: 'debug',
  testClock: true,
  policy: await writePolicy(undefined, {
    scopes: { 'zeppelins.read': { description: 'Count zeppelins' } },
    bundles: {
      'marzipan-export': { description: 'Sweets', scopes: ['zeppelins.read'] },
      'order-sync': { description: 'Order sync', scopes: ['orders.read', 'orders.write'] },
    },
  }),
});
after(() => vault.close());
for (const token of Object.values(vault.tokens)) secrets.add(token);
vault.onAnswer = ({ text }) => text.match(TOKEN)?.forEach((token) => secrets.add(token));

/** Everything that is planted goes in, each by the member that it belongs into. */
async function plant() {
  const p = planted;
  const account = await newAccount(vault, { name: p['account name'], tags: [p['account tag']] });
  await newUser(vault, { name: p['user name'], email: p['e-mail'], roles: ['reviewer'],
    groups: [p.group] });
  const wish = { bundle: p.bundle, name: p['credential name'] };
  const key = await newTestKey(account, { ...wish, description: p.description,
    allowed_ips: [p.network] });
  await verify(vault, key.client_secret, { scopes: [p.scope], ip: p.network });
  const request = await newRequest(account, { ...wish, scopes: [], use_case: p['use case'],
    recipient_email: p.recipient });
  await decide(vault.as('reviewer'), request, 'ask', { comment: p.question });
  await account.developer.post(`/v1/requests/${request.id}/replies`, { text: p.reply });
  const { claim } = await newClaim(account, await approve(vault, request, { comment: p.comment }));
  const pair = assertStatus(await fetchClaim(vault, claim), 200);
  await verify(vault, pair.client_secret);
  const named = { headers: { 'X-Request-Id': p['request id'],
    'Idempotency-Key': p['idempotency key'] } };
  await account.developer.post('/v1/tokens', { name: p['token name'] }, named);
  await vault.as('admin').patch(`/v1/accounts/${account.id}`,
    { status: 'suspended', suspend_reason: p.reason });
}

/** Each operation once as it should be, and secrets in all the wrong places. */
async function everything() {
  for (const [method, , operation] of vault.contract.operations()) {
    const desk = { vault, account: await newAccount(vault) };
    const call = await callFor(operation, desk);
    await perform(callerOf(desk, call), method, call);
  }
  const account = await newAccount(vault);
  const { client_secret: secret } = await newLiveKey(vault, account);
  const rotated = await newTestKey(account);
  await account.developer.post(`/v1/credentials/${rotated.credential.id}/rotate`, { grace_s: 60 });
  const misplaced = [
    ['GET', `/v1/credentials/${secret}`], ['GET', `/v1/credentials?cursor=${secret}`],
    ['GET', `/v1/audit?object=${secret}`], ['GET', `/${secret}`], ['GET', `/healthz?${secret}`],
    ['POST', '/v1/credentials', { account_id: secret, mode: secret, name: 'x', [secret]: 1 }],
    ['POST', '/v1/credentials', `{"account_id": "${secret}`],
    ['POST', '/v1/requests', { account_id: account.id, name: 'x', use_case: 'x', bundle: secret,
      scopes: [secret], allowed_ips: [secret], recipient_email: secret }],
    ['POST', '/v1/verify', { key: `${secret}x`, client_id: secret, ip: secret, mode: secret }],
    ['POST', '/v1/claims', { claim: secret, public_key: secret, code: secret }],
    ['PATCH', `/v1/accounts/${account.id}`, { status: secret }],
    [secret, '/v1/me'],
  ];
  for (const [method, target, body] of misplaced)
    for (const caller of [account.developer, vault.as('gateway'), vault.as('auditor'),
      vault.with(secret), vault.with(`${secret}x`)]) {
      const { text } = await caller.call(method, target,
        { body, headers: { 'If-Match': secret, Accept: secret, 'Idempotency-Key': secret } });
      assert.ok(!text.includes(secret), `${method} answers with what it was sent: ${text}`);
    }
  const Authorization = `Basic ${Buffer.from(`x:${secret}`).toString('base64')}`;
  assertProblem(await vault.anonymous.get('/v1/me', { headers: { Authorization } }), 401);
}

await plant();
await everything();

const found = (bytes, text) => bytes.includes(Buffer.from(text));

test('there is something to be looked for', () => {
  const kinds = new Set([...secrets].map((token) => token.split('_')[1]));
  assert.deepEqual([...kinds].sort(), ['claim', 'live', 'svc', 'test', 'user']);
  assert.ok(secrets.size > 50, `${secrets.size} secrets`);
  assert.ok(vault.log.split('\n').length > 200 && vault.log.includes('level=debug'));
});

test('no line of the log, at the most verbose level, has a secret', () => {
  for (const token of secrets)
    for (const part of [token, token.slice(-39)])
      assert.ok(!vault.log.includes(part), `the log has ${token.slice(0, 8)}…`);
  assert.ok(!vault.log.includes(planted['e-mail']) && !vault.log.includes(planted['user name']));
});

test('neither the arguments nor the environment of the process have one', async () => {
  for (const name of ['cmdline', 'environ']) {
    const bytes = await readFile(`/proc/${vault.pid}/${name}`);
    for (const token of secrets) assert.ok(!found(bytes, token), name);
  }
});

test('no entry of the audit log has one', async () => {
  const texts = [];
  for (let cursor = ''; cursor !== null;) {
    const target = `/v1/audit?limit=100${cursor && `&cursor=${cursor}`}`;
    const page = await vault.as('auditor').get(target);
    texts.push(page.text);
    cursor = assertStatus(page, 200).next_cursor;
  }
  const text = texts.join('\n');
  for (const token of secrets) assert.ok(!text.includes(token), `${token.slice(0, 8)}…`);
});

test('it leaves no core behind, and nobody else looks into it', async (t) => {
  const limits = await readFile(`/proc/${vault.pid}/limits`, 'utf8');
  assert.match(limits, /^Max core file size +0 +0 +bytes/m);
  // The files of a process that is not dumpable are root's, whoever it runs as.
  const nobody = 65534;
  const own = process.getuid();
  const folder = await temporaryFolder(t);
  const program = path.join(folder, 'program');
  await copyFile(PROGRAM, program);
  const data = await temporaryFolder(t);
  const ids = own === 0 ? { uid: nobody, gid: nobody } : {};
  if (own === 0)
    for (const one of [folder, program, data]) await chown(one, nobody, nobody);
  const args = ['dev', '--data', data, '--listen', '127.0.0.1:0', '--print', 'json'];
  const child = spawn(program, args, { ...ids, stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.equal((await stat(`/proc/${child.pid}/environ`)).uid, 0);
  const plain = spawn('sleep', ['60'], ids);
  t.after(() => plain.kill('SIGKILL'));
  await once(plain, 'spawn');
  assert.equal((await stat(`/proc/${plain.pid}/environ`)).uid, own === 0 ? nobody : own);
});

test('nothing of what was told or minted can be read in the data folder', async () => {
  await vault.stop();
  const folder = path.join(vault.data, 'vault');
  const files = await readdir(folder);
  assert.ok(files.includes('data.mdb'));
  for (const name of files) {
    const bytes = await readFile(path.join(folder, name));
    for (const [what, text] of Object.entries(planted))
      for (const form of [text, text.toLowerCase(), Buffer.from(text, 'utf16le')])
        assert.ok(!bytes.includes(form), `${name} has the ${what}`);
    for (const token of secrets)
      for (const part of [token, token.slice(-39), token.slice(-28)])
        assert.ok(!found(bytes, part), `${name} has ${token.slice(0, 8)}…`);
  }
  const demo = await readFile(path.join(vault.data, 'demo.json'));
  assert.ok(found(demo, vault.tokens.developer), 'the search finds nothing anywhere');
  await vault.start();
  const accounts = await vault.as('admin').get('/v1/accounts?limit=100&order=oldest');
  assert.ok(found(Buffer.from(accounts.text), planted['account name']), 'it was never there');
});

test('the root key is in no log, no argument and no answer', async () => {
  const key = (await readFile(path.join(vault.data, 'root.key'), 'utf8')).trim();
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.ok(!vault.log.includes(key.slice(0, 32)));
  for (const name of ['cmdline', 'environ'])
    assert.ok(!found(await readFile(`/proc/${vault.pid}/${name}`), key));
});
