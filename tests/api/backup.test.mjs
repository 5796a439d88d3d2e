// The backup that docs/operating.md prints, taken of a vault that is written to meanwhile.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { assertStatus } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import { newAccount, newTestKey, verify } from './lib/desk.mjs';
import { ROOT, startVault, temporaryFolder } from './lib/vault.mjs';

const WRITERS = 8;

/** Creates accounts until it is told to end; returns the ids of those that were acknowledged. */
async function keepWriting(vault, state) {
  const made = [];
  while (!state.over) {
    const name = `No. ${made.length}`;
    made.push(assertStatus(await vault.as('admin').post('/v1/accounts', { name }), 201).id);
  }
  return made;
}

test('a backup of a vault at work is a vault, with all that was acknowledged before', async (t) => {
  const text = await readFile(path.join(ROOT, 'docs/operating.md'), 'utf8');
  const [, printed] = /## Backing up\n.*?```sh\n(.*?)```/s.exec(text);
  const vault = await startVault(t);
  const copy = path.join(await temporaryFolder(t), 'demo');
  await mkdir(copy, { mode: 0o700 });
  const script = printed.replaceAll('/var/lib/countersign', path.join(vault.data, 'vault'))
    .replaceAll('/srv/backup/today', path.join(copy, 'vault'));
  assert.doesNotMatch(script, /\/(var\/lib|srv)\//);

  const account = await newAccount(vault);
  const kept = await newTestKey(account);
  const revoked = await newTestKey(account);
  await account.developer.post(`/v1/credentials/${revoked.credential.id}/revoke`);
  const state = { over: false };
  const writers = Array.from({ length: WRITERS }, () => keepWriting(vault, state));
  await promisify(execFile)('bash', ['-ec', script]);
  state.over = true;
  const made = await Promise.all(writers);

  for (const name of ['root.key', 'demo.json'])
    await copyFile(path.join(vault.data, name), path.join(copy, name));
  const checked = await countersign(t, ['audit', 'verify', '--data', copy,
    '--allow-unlocked-memory']);
  assert.equal(checked.status, 0, checked.stderr);
  const restored = await startVault(t, { data: copy });
  assert.equal((await verify(restored, kept.client_secret)).code, 'VALID');
  assert.equal((await verify(restored, revoked.client_secret)).code, 'REVOKED');
  /* One moment: of what each writer made one after another, the first so many and no other. */
  const admin = restored.as('admin');
  for (const ids of made) {
    const answers = await Promise.all(ids.map((id) => admin.get(`/v1/accounts/${id}`)));
    const there = answers.map(({ status }) => status === 200);
    const end = there.includes(false) ? there.indexOf(false) : there.length;
    assert.ok(there.slice(end).every((is) => !is), there.join());
  }
});
