// What another policy would change, and whom it would touch: exactly those.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import { approve, auditCount, decide, newAccount, newRequest, newTestKey } from './lib/desk.mjs';
import { policyText, writePolicy } from './lib/policy.mjs';
import { effectsOf, populate, proposal, wideDefault } from './lib/population.mjs';
import { startVault, temporaryFolder } from './lib/vault.mjs';

const CREDENTIALS = 10_000;
const LIVE = 300;

async function inFile(t, text, name = 'proposed.yaml') {
  const file = path.join(await temporaryFolder(t), name);
  await writeFile(file, text);
  return file;
}

/** All pages of the diff: {first, items, pages}. */
async function diffOf(caller, policy, limit) {
  let first, cursor;
  const items = [];
  for (let pages = 1; ; pages++) {
    const query = new URLSearchParams({ ...(limit && { limit }), ...(cursor && { cursor }) });
    const page = assertStatus(await caller.post(`/v1/policy/diff?${query}`, { policy }), 200);
    first ??= page;
    items.push(...page.items);
    assert.ok(pages === 1 || page.changes.length === 0, 'changes are told once');
    if (!page.next_cursor) return { first, items, pages };
    assert.notEqual(page.next_cursor, cursor);
    cursor = page.next_cursor;
  }
}

const kindsOf = (item) => item.effects.map(({ kind }) => kind);
const idOf = (item) => item.credential_id ?? item.request_id;

test('names exactly whom a change of the default policy touches, among ten thousand', async (t) => {
  const base = await wideDefault();
  const old = await inFile(t, base, 'policy.yaml');
  const vault = await startVault(t, { policy: old });
  const all = await populate(vault, { test: CREDENTIALS - LIVE, live: LIVE, open: 60 });
  const expected = new Map(
    all.map((one) => [one.id, effectsOf(one)]).filter(([, effects]) => effects.length > 0),
  );
  const proposed = proposal(base);
  const audited = await auditCount(vault);
  const { first, items, pages } = await diffOf(vault.as('auditor'), proposed, 1000);
  assert.equal(await auditCount(vault), audited, 'asking changes nothing');

  const told = new Map(items.map((item) => [idOf(item), kindsOf(item)]));
  assert.equal(told.size, items.length, 'each is told once');
  for (const one of all) assert.deepEqual(told.get(one.id) ?? [], effectsOf(one), one.id);
  assert.equal(told.size, expected.size, 'and nothing else');
  assert.ok(expected.size > 4000 && expected.size < all.length, `${expected.size}`);
  assert.ok(pages > 5);
  assert.deepEqual(
    first.changes.map(({ subject, name, kind, key, before, after }) =>
      [subject, name, kind, key, before, after].join(' | ')),
    [
      'scope | analytics.read | changed | risk | normal | high',
      'scope | themes.write | removed |  | Change themes | ',
      'bundle | theme-development | changed | scopes | themes.read, themes.write | themes.read',
      'mode | test | changed | expires_after | 90d | 60d',
    ],
  );
  assert.ok(items.every(({ mode, effects }) => mode === 'live' || effects.every(
    ({ kind, before, after }) => kind !== 'life' || (before !== after && after === '60d'))));
  const demand = items.flatMap(({ effects }) => effects).find(({ kind }) => kind === 'demand');
  assert.deepEqual(demand, {
    kind: 'demand',
    before: 'otherwise: 1 approval',
    after: 'high-risk: 2 approvals by different people',
  });

  const cli = await countersign(
    t, ['policy', 'diff', old, await inFile(t, proposed), '--against', '-o', 'json'],
    { vault, role: 'reviewer' },
  );
  assert.equal(cli.status, 0, cli.stderr);
  const { policy, changes } = first;
  assert.deepEqual(cli.json(), { policy, proposed: first.proposed, changes, items });

  const same = await diffOf(vault.as('admin'), `# as it is\n${base}`);
  assert.deepEqual([same.items, same.first.changes], [[], []]);
  assert.equal(same.first.policy, same.first.proposed);
});

test('tells what a request gains and loses, and which approvals would count', async (t) => {
  const rules = [
    { name: 'high-risk', when: { risk: 'high' }, approvals: 2 },
    { name: 'otherwise', approvals: 1 },
  ];
  const vault = await startVault(t, { policy: await writePolicy(t, { rules }) });
  const account = await newAccount(vault);
  const risky = await newRequest(account, { scopes: ['orders.write'] });
  const untouched = await newRequest(account, { scopes: ['products.read'], expires_in_s: 60 });
  const long = await newRequest(account, { scopes: ['products.read'], expires_in_s: 86401 });
  const asked = await newRequest(account, { scopes: ['themes.read'], expires_in_s: 60 });
  assertStatus(await decide(vault.as('reviewer'), risky, 'approve'), 201);
  assertStatus(await decide(vault.as('reviewer'), asked, 'ask'), 201);
  const over = await newRequest(account, { scopes: ['orders.write'] });
  assertStatus(await account.developer.post(`/v1/requests/${over.id}/withdraw`), 200);

  const { items } = await diffOf(vault.as('reviewer'), policyText({
    live: { expires_after: '1d' },
    rules: [
      { name: 'high-risk', when: { risk: 'high' }, approvals: 2, approvals_from: { security: 1 } },
      { name: 'themes', when: { scopes: 'themes.*' }, approvals: 1, comment: 'required' },
      { name: 'otherwise', approvals: 1 },
    ],
  }));
  const told = Object.fromEntries(items.map((item) => [item.request_id, item.effects]));
  assert.deepEqual(told, {
    [risky.id]: [
      {
        kind: 'demand',
        before: 'high-risk: 2 approvals by different people',
        after: 'high-risk: 2 approvals by different people (1 of security)',
      },
      { kind: 'life', before: 'no end', after: '1d' },
      { kind: 'count', before: '1 approval', after: '0 approvals' },
    ],
    [long.id]: [{ kind: 'life', before: '86401s', after: '1d' }],
    [asked.id]: [{
      kind: 'demand', before: 'otherwise: 1 approval', after: 'themes: 1 approval with a comment',
    }],
  });
  assert.ok(!(untouched.id in told));
  assert.ok(items.every((item) => item.credential_id === null && item.account_id === account.id));
});

test('goes through what there is in pages of any size', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t) });
  const account = await newAccount(vault);
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await newTestKey(account)).credential.id);
  for (let i = 0; i < 3; i++) ids.push((await newRequest(account)).id);
  ids.push((await approve(vault, await newRequest(account))).credential_id);
  const proposed = policyText({ test: { rate_limit: '5/1m' }, live: { rate_limit: '6/1m' } });
  const whole = await diffOf(vault.as('admin'), proposed);
  assert.equal(whole.pages, 1);
  assert.deepEqual(whole.items.map(idOf).sort(), ids.sort());
  for (const limit of [1, 2, 3, 7, 8, 9]) {
    const { items } = await diffOf(vault.as('admin'), proposed, limit);
    assert.deepEqual(items, whole.items, `pages of ${limit}`);
  }
});

test('refuses what it can not compare with, and says where it is wrong', async (t) => {
  const vault = await startVault(t, { policy: await writePolicy(t) });
  const admin = vault.as('admin');
  const ask = (policy, query = '') => admin.post(`/v1/policy/diff${query}`, { policy });
  const wrong = policyText().replace('"otherwise",', '"otherwise", "aprovals": 1,');
  const { errors } = assertProblem(await ask(wrong), 400, 'invalid_body');
  assert.deepEqual(errors, [{
    pointer: '/policy', detail: '62:27: a rule has no key `aprovals`; did you mean `approvals`?',
  }]);
  assertProblem(await ask(''), 400, 'invalid_body');
  assertProblem(await admin.post('/v1/policy/diff', {}), 400, 'invalid_body');
  for (const query of ['limit=0', 'limit=1001', 'cursor=', 'cursor=abc', 'cursor=300000000000'])
    assertProblem(await ask(policyText(), `?${query}`), 400, 'invalid_query');
  assertStatus(await ask(policyText(), '?limit=1000'), 200);

  /* The limits: of the text, and of the body that holds it. */
  const padded = (size) => policyText().padEnd(size, '\n');
  assertStatus(await ask(padded(128 * 1024)), 200);
  assertProblem(await ask(padded(128 * 1024 + 1)), 400, 'invalid_body');
  assertProblem(await ask(padded(320 * 1024)), 413, 'body_too_large');
});

test('says it on the command line, with or without a vault', async (t) => {
  const old = await writePolicy(t);
  const proposed = await inFile(t, policyText({ rules: [{ name: 'otherwise', approvals: 2 }] })
    .replaceAll('\n', '\r\n'));
  const vault = await startVault(t, { policy: old });
  const account = await newAccount(vault);
  const { id } = await newRequest(account);
  const run = (...args) => countersign(t, ['policy', 'diff', ...args], { vault, role: 'admin' });

  const offline = await run(old, proposed);
  assert.equal(offline.status, 0, offline.stderr);
  assert.match(offline.stdout, /^rule +otherwise +changed +approvals +1 +2$/m);
  assert.match(offline.stdout, /^rule +high-risk +removed +- +2 approvals by .* people +-$/m);
  assert.doesNotMatch(offline.stdout, /req_/);

  for (const files of [[proposed], [old, proposed]]) {
    const against = await run(...files, '--against');
    assert.equal(against.status, 0, against.stderr);
    assert.ok(against.stdout.startsWith(offline.stdout));
    assert.match(against.stdout, new RegExp(`^${id} .* demand +otherwise: 1 approval +`, 'm'));
    assert.match(against.stderr, /touches 0 credentials and 1 open requests/);
  }
  const other = await run(proposed, old, '--against');
  assert.equal(other.status, 5);
  assert.match(other.stderr, /another policy in force/);
  const same = await run(old, old);
  assert.deepEqual([same.status, same.stdout], [0, '']);
  assert.match(same.stderr, /mean the same/);
  assert.equal((await run(proposed)).status, 2);
  const wrong = await inFile(t, 'version: 2\n', 'wrong.yaml');
  for (const args of [[old, wrong], [wrong, old], [wrong, '--against']]) {
    const refused = await run(...args);
    assert.equal(refused.status, 6);
    assert.match(refused.stderr, /wrong\.yaml:1:10: `version` must be 1/);
  }
  const denied = await countersign(t, ['policy', 'diff', '--against', proposed],
    { vault, role: 'developer' });
  assert.equal(denied.status, 4);
});
