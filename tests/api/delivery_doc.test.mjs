// What docs/delivery.md and docs/leaks.md print, as a reader would do it.
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { assertStatus } from './lib/caller.mjs';
import { approve, newAccount, newClaim, newRequest, newTestKey, verify } from './lib/desk.mjs';
import { blockOf, readDocument, readerFolder } from './lib/examples.mjs';
import { forgeToken } from './lib/tokens.mjs';
import { startVault } from './lib/vault.mjs';
import { seeded } from '../fault/lib/random.mjs';

const indented = (text) => [...text.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) =>
  block.replace(/^ {4}/gm, ''));

test('the example of docs/delivery.md plays as it is printed there', async (t) => {
  const text = await readDocument('delivery.md');
  const script = blockOf(text, 'sh');
  const [said] = indented(text);
  const vault = await startVault(t);
  const { folder, play } = await readerFolder(t, vault);
  const { status, stdout, stderr } = await play(script);
  assert.equal(status, 0, stderr);
  for (const line of said.trim().split('\n'))
    assert.ok((stdout + stderr).split('\n').includes(line), `${line}\n${stdout}\n${stderr}`);
  const file = path.join(folder, 'erp.env');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const [, key] = /^CLIENT_SECRET=(.*)$/m.exec(await readFile(file, 'utf8'));
  assert.equal((await verify(vault, key)).code, 'QUARANTINED');
});

test('the program of docs/delivery.md fetches, opens and acknowledges', async (t) => {
  const vault = await startVault(t);
  const { folder, run } = await readerFolder(t);
  await writeFile(path.join(folder, 'claim.mjs'), blockOf(await readDocument('delivery.md'), 'js'));
  const account = await newAccount(vault);
  const request = await approve(vault, await newRequest(account));
  const { url } = await newClaim(account, request);
  const { status, stdout, stderr } = await run(process.execPath, ['claim.mjs'], `${url}\n`);
  assert.equal(status, 0, stderr);
  assert.equal((await verify(vault, JSON.parse(stdout).client_secret)).code, 'VALID');
  const shown = await account.developer.get(`/v1/credentials/${request.credential_id}`);
  assert.equal(assertStatus(shown, 200).status, 'active');
  const late = await run(process.execPath, ['claim.mjs'], `${url}\n`);
  assert.match(late.stderr, /The pair was fetched before/);
});

test('the hook and the calls of docs/leaks.md do what they are said to', async (t) => {
  const text = await readDocument('leaks.md');
  const vault = await startVault(t);
  const { folder, run } = await readerFolder(t);
  const all = indented(text);
  const hook = all.find((block) => block.startsWith('git diff'));
  const regex = all.find((block) => block.startsWith('\\b')).trim();
  assert.equal((await run('countersign', ['scan', '--regex'])).stdout.trim(), regex);
  const commit = (what) => run('bash', ['-c', `${hook.trim().replace(/^git [^|]*/, 'cat ')}; true`],
    `+++ b/deploy/.env\n@@ -0,0 +1 @@\n+KEY=${what}\n`);
  assert.deepEqual(await commit('nothing'), { status: 0, stdout: '', stderr: '' });
  const found = await commit(forgeToken(seeded(7), 'live'));
  assert.equal(found.status, 1);
  assert.match(found.stdout, /^\(standard input\):3:6: cs_live_…/);

  const account = await newAccount(vault);
  const { client_secret } = await newTestKey(account);
  await writeFile(path.join(folder, 'header.txt'), `Authorization: Bearer ${client_secret}\n`);
  const curl = all.find((block) => block.startsWith('curl')).replace(/ +#.*\n/, '\n')
    .replace('https://desk.example', vault.url);
  const ended = await run('bash', ['-c', curl]);
  assert.equal(JSON.parse(ended.stdout).status, 'revoked', ended.stderr);
  assert.equal((await verify(vault, client_secret)).code, 'REVOKED');
});
