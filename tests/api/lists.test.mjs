// Lists: their order, their pages, and what a query may say; for every list of the document.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { newAccount, newRequest, newReviewer, newTestKey, newUser } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy() });
after(() => vault.close());

const MANY = 130; // more than one page can have
const account = await newAccount(vault);
await together(MANY, () => newTestKey(account));
await together(MANY, () => newRequest(account));
await together(MANY, () => account.developer.post('/v1/tokens', { name: 'one of many' }));
await together(MANY, () => newReviewer(vault));
await together(MANY, (index) => vault.as('admin').post('/v1/accounts', { name: `No. ${index}` }));

/* Who lists what, and the name by which its items are ordered. */
const lists = {
  'credential.list': [account.developer, 'id'],
  'request.list': [account.developer, 'id'],
  'token.list': [account.developer, 'id'],
  'user.list': [vault.as('admin'), 'id'],
  'account.list': [vault.as('admin'), 'id'],
  'audit.list': [vault.as('auditor'), 'index'],
};
/* The export has one order only, and its own test (audit.test.mjs). */
const listed = [...vault.contract.operations()].filter(([, , { parameters = [] }]) =>
  parameters.some(({ name }) => name === 'order'));

/** Every page from first to last, by the cursors. */
async function walk(caller, path, query) {
  const pages = [];
  for (let cursor = ''; cursor !== null;) {
    const more = cursor ? `&cursor=${cursor}` : '';
    const page = assertStatus(await caller.get(`${path}?${query}${more}`), 200);
    pages.push(page.items);
    cursor = page.next_cursor;
    assert.ok(pages.length < 1000, 'the pages do not end');
  }
  return pages;
}

test('every list of the document is tried here', () => {
  assert.deepEqual(listed.map(([, , { operationId }]) => operationId).sort(),
    Object.keys(lists).sort());
});

for (const [, path, { operationId, parameters }] of listed) {
  const [caller, key] = lists[operationId];
  const inOrder = (items) => items.every((item, i) => i === 0 || item[key] > items[i - 1][key]);

  test(`${operationId} goes through all once, in both orders and pages of any size`, async () => {
    const oldest = (await walk(caller, path, 'order=oldest&limit=100')).flat();
    assert.ok(oldest.length >= MANY && inOrder(oldest), `${oldest.length} items`);
    const queries = ['order=newest&limit=100', 'limit=7', 'limit=1', 'limit=100', 'order=newest'];
    for (const query of queries) {
      if (query === 'limit=1' && oldest.length > 400) continue; // a page each is much here
      const pages = await walk(caller, path, query);
      assert.deepEqual(pages.flat().reverse().map((item) => item[key]),
        oldest.map((item) => item[key]), query);
      const limit = Number(/limit=(\d+)/.exec(query)?.[1] ?? 25);
      pages.slice(0, -1).forEach((page) => assert.equal(page.length, limit, query));
    }
  });

  test(`${operationId} refuses what its query may not say`, async () => {
    const wrong = ['limit=0', 'limit=101', 'limit=-1', 'limit=x', 'limit=', 'limit=1.0',
      'limit=99999999999999999999', 'limit=18446744073709551617', 'limit=1&limit=1',
      'order=upwards', 'order=Oldest',
      'cursor=', 'cursor=x', `cursor=${'z'.repeat(11)}`, 'cursor=0000000000%00', 'page=2', 'x',
      ...parameters.filter(({ name }) => name.endsWith('_id')).flatMap(({ name }) =>
        [`${name}=x`, `${name}=`, `${name}=acct_${'0'.repeat(25)}`])];
    for (const query of wrong)
      assertProblem(await caller.get(`${path}?${query}`), 400);
    for (const { name, schema } of parameters.filter((one) => one.schema?.enum))
      for (const value of [...schema.enum, 'nothing', '']) {
        const answer = await caller.get(`${path}?${name}=${value}&limit=1`);
        assert.equal(answer.status, schema.enum.includes(value) ? 200 : 400, `${name}=${value}`);
      }
  });
}

test('what is added while pages are turned is neither missed nor doubled', async () => {
  const own = await newAccount(vault);
  const ids = (await together(30, () => newTestKey(own))).map(({ credential }) => credential.id);
  const seen = [];
  let cursor = '';
  for (let turn = 0; cursor !== null; turn++) {
    const path = `/v1/credentials?order=oldest&limit=5${cursor && `&cursor=${cursor}`}`;
    const page = assertStatus(await own.developer.get(path), 200);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
    if (turn < 5) ids.push((await newTestKey(own)).credential.id);
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(seen.slice().sort(), ids.slice().sort());
});

test('a filter that little passes still comes to an end', async () => {
  const own = await newAccount(vault);
  const first = await newTestKey(own);
  await together(60, () => newTestKey(own));
  const path = `/v1/credentials/${first.credential.id}`;
  assertStatus(await own.developer.patch(path, { status: 'disabled' }), 200);
  const found = (await walk(own.developer, '/v1/credentials', 'status=disabled&limit=1')).flat();
  assert.deepEqual(found.map(({ id }) => id), [first.credential.id]);
  const live = (await walk(own.developer, '/v1/credentials', 'mode=live')).flat();
  assert.deepEqual(live, []);
});

test('a developer of two accounts lists both, and each apart', async () => {
  const [one, two] = [await newAccount(vault), await newAccount(vault)];
  const both = await newUser(vault, { roles: ['developer'], accounts: [one.id, two.id] });
  const made = [];
  for (let i = 0; i < 12; i++)
    made.push((await newTestKey([one, two][i % 2])).credential);
  // Ids of one millisecond are in no order of creation, so the order wanted is that of the ids.
  const idsOf = (list) => list.map(({ id }) => id).sort();
  const ids = idsOf(made);
  const all = (await walk(both.caller, '/v1/credentials', 'order=oldest&limit=5')).flat();
  assert.deepEqual(all.map(({ id }) => id), ids);
  const apart = (await walk(both.caller, '/v1/credentials', `account_id=${two.id}&order=oldest`));
  assert.deepEqual(apart.flat().map(({ id }) => id),
    idsOf(made.filter((_, i) => i % 2)));
  const accounts = (await walk(both.caller, '/v1/accounts', 'order=oldest')).flat();
  assert.deepEqual(accounts.map(({ id }) => id), idsOf([one, two]));
});

test('an unknown member of the query is refused on every operation', async () => {
  for (const path of ['/healthz?x=1', '/v1/whoami?verbose', '/v1/policy?a=b'])
    assertProblem(await vault.as('developer').get(path), 400, 'invalid_query');
});
