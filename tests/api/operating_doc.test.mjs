// How docs/operating.md has an operator make the first people, as it is printed there.
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { blockOf, readDocument, readerFolder } from './lib/examples.mjs';
import { startVault } from './lib/vault.mjs';

test('the first people of docs/operating.md can sign in, each as what they are', async (t) => {
  const text = await readDocument('operating.md');
  const script = blockOf(text.slice(text.indexOf('\n## The first people\n')), 'sh');
  /* The demo has a customer and people of its own; these are others. */
  const vault = await startVault(t);
  const { folder, play } = await readerFolder(t, vault);
  const signed = `export COUNTERSIGN_URL=${vault.url} COUNTERSIGN_TOKEN=${vault.tokens.admin}\n`;
  const { status, stderr } = await play(signed + script);
  assert.equal(status, 0, stderr);

  const tokenOf = async (name) => {
    const file = path.join(folder, `${name}.env`);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    return /^COUNTERSIGN_TOKEN=(\S+)$/m.exec(await readFile(file, 'utf8'))[1];
  };
  for (const [name, kind, role] of [
    ['dora', 'user', 'developer'], ['rita', 'user', 'reviewer'], ['edge', 'service', 'gateway'],
  ]) {
    const me = assertStatus(await vault.with(await tokenOf(name)).get('/v1/whoami'), 200);
    assert.deepEqual([me.kind, me.roles], [kind, [role]], name);
  }
  const dora = vault.with(await tokenOf('dora'));
  const { user } = assertStatus(await dora.get('/v1/whoami'), 200);
  const [account] = user.accounts;
  assertStatus(await dora.post('/v1/credentials',
    { account_id: account, mode: 'test', name: 'first', scopes: ['orders.read'] }), 201);
  assertStatus(await vault.as('admin').patch(`/v1/users/${user.id}`, { status: 'disabled' }), 200);
  assertProblem(await dora.get('/v1/whoami'), 401);
});
