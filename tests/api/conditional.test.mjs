// Changes that hold only for what was read: ETag and If-Match.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { auditCount, newAccount, newRequest, newReviewer, newTestKey } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy() });
after(() => vault.close());
const admin = vault.as('admin');

/* For every operation that takes If-Match and PATCHes: an object, who edits it, and an edit. */
const objects = {
  'credential.edit': async (account) => [account.developer,
    `/v1/credentials/${(await newTestKey(account)).credential.id}`, (name) => ({ name })],
  'request.edit': async (account) => [account.developer,
    `/v1/requests/${(await newRequest(account)).id}`, (name) => ({ use_case: name })],
  'account.edit': async (account) => [admin, `/v1/accounts/${account.id}`, (name) => ({ name })],
  'user.edit': async () => [admin, `/v1/users/${(await newReviewer(vault)).user.id}`,
    (name) => ({ name })],
};
const edits = [...vault.contract.operations()].filter(([method]) => method === 'PATCH');

test('every PATCH takes If-Match, and is tried here', () => {
  for (const [, , { operationId, parameters }] of edits)
    assert.ok(parameters.some((one) => vault.contract.follow(one).name === 'If-Match'),
      operationId);
  assert.deepEqual(edits.map(([, , { operationId }]) => operationId).sort(),
    Object.keys(objects).sort());
});

for (const [name, make] of Object.entries(objects)) {
  test(`${name} holds for the version that was read, and for no other`, async () => {
    const [caller, path, edit] = await make(await newAccount(vault));
    const change = (text, tag) => caller.patch(path, edit(text),
      { headers: tag === undefined ? {} : { 'If-Match': tag } });
    const read = async () => (await caller.get(path)).headers.etag;

    const first = await read();
    assert.match(first, /^"[1-9][0-9]*"$/);
    const edited = await change('one', first);
    assertStatus(edited, 200);
    const second = edited.headers.etag;
    assert.notEqual(second, first);
    assert.equal(await read(), second);

    const before = await auditCount(vault);
    for (const stale of [first, '"0"', '""', '"x"', second.slice(1, -1), `W/${second}`, '"-1"',
      `${first}, ${second}`, second.replace('"', '"0'), '"18446744073709551616"', '* ,'])
      assertProblem(await change('stale', stale), 412, 'stale');
    assert.equal(await auditCount(vault), before);
    assert.equal(await read(), second);

    assertStatus(await change('two', '*'), 200);
    assertStatus(await change('three'), 200);
  });

  test(`${name} lets one of many through that read the same version`, async () => {
    const [caller, path, edit] = await make(await newAccount(vault));
    for (let round = 0; round < 5; round++) {
      const { etag } = (await caller.get(path)).headers;
      const answers = await together(16, (i) =>
        caller.patch(path, edit(`No. ${round}.${i}`), { headers: { 'If-Match': etag } }));
      const counts = { 200: 0, 412: 0 };
      for (const { status } of answers) counts[status]++;
      assert.deepEqual(counts, { 200: 1, 412: 15 });
    }
  });
}
