// Live requests: who may decide what, and what a decision binds to.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import {
  approve, auditOf, decide, newAccount, newLiveKey, newRequest, newReviewer, newUser, verify,
} from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, {
  rules: [
    { name: 'everything', when: { scopes: ['*'] }, approvals: 1, groups: ['security'] },
    { name: 'high-risk', when: { risk: 'high' }, approvals: 2 },
    { name: 'themes', when: { any_scopes: ['themes.*'] }, approvals: 1, comment: 'required' },
    {
      name: 'partners', when: { account_tag: ['partner'], scopes: ['products.read'] }, approvals: 0,
    },
    { name: 'otherwise', approvals: 1 },
  ],
});
const vault = await startVault(undefined, { policy });
after(() => vault.close());
const reviewer = vault.as('reviewer');
const reviewer2 = vault.as('reviewer2');

const show = async (caller, { id }) => assertStatus(await caller.get(`/v1/requests/${id}`), 200);
const post = (caller, { id }, verb, body) => caller.post(`/v1/requests/${id}/${verb}`, body);
const actionsOf = async ({ id }) =>
  (await auditOf(vault, { object: id })).map(({ action }) => action.replace('request.', ''));

test('filed, it says what the policy demands and why', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account, { bundle: 'order-sync', scopes: [] });
  assert.equal(request.state, 'pending');
  assert.deepEqual(request.scopes, ['orders.read', 'orders.write']);
  assert.equal(request.rule.name, 'high-risk');
  assert.equal(request.rule.approvals_needed, 2);
  assert.match(request.rule.why, /high/);
  assert.match(request.digest, /^[0-9a-f]{64}$/);
  assert.equal(request.account.id, account.id);
  assert.equal(request.requested_by, account.user.id);
  assert.deepEqual([request.decisions, request.thread, request.credential_id], [[], [], null]);
  const seen = [await show(reviewer, request), await show(account.developer, request)];
  for (const { evidence } of seen) evidence.as_of = null; // when each of them looked
  const { people: [asker], history } = seen[0]; // what only those see who see every account
  assert.deepEqual([asker.id, asker.email], [account.user.id, account.user.email]);
  delete seen[0].history;
  asker.email = null;
  assert.deepEqual(seen[0], seen[1]);
  assert.equal(history.account.states.pending, 1);
});

test('one approval makes the credential, with exactly what was asked for', async () => {
  const account = await newAccount(vault);
  const wish = { scopes: ['products.read'], expires_in_s: 3600, allowed_ips: ['192.0.2.0/24'] };
  const request = await newRequest(account, wish);
  const answer = await decide(reviewer, request, 'approve', { comment: 'Fine.' });
  const { request: approved, receipt } = assertStatus(answer, 201);
  assert.equal(approved.state, 'approved');
  assert.equal(approved.decisions.length, 1);
  assert.equal(approved.decisions[0].comment, 'Fine.');
  const made = (await account.developer.get(`/v1/credentials/${approved.credential_id}`)).body;
  assert.equal(made.status, 'pending_delivery');
  assert.equal(made.secret_hint, null);
  assert.equal(made.grant_id, approved.grant_id);
  assert.deepEqual([made.scopes, made.allowed_ips], [wish.scopes, wish.allowed_ips]);
  assert.equal(Date.parse(made.expires_at) - Date.parse(made.created_at), 3600_000);
  const [entry] = await auditOf(vault, { object: request.id });
  assert.deepEqual([entry.index, entry.hash], [receipt.index, receipt.hash]);
  assert.deepEqual(await actionsOf(request), ['approved', 'created']);
});

test('two approvals are from two people', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account, { scopes: ['orders.write'] });
  const once = assertStatus(await decide(reviewer, request, 'approve'), 201).request;
  assert.deepEqual([once.state, once.credential_id], ['pending', null]);
  assertProblem(await decide(reviewer, request, 'approve'), 409, 'already_decided');
  const twice = assertStatus(await decide(reviewer2, request, 'approve'), 201).request;
  assert.equal(twice.state, 'approved');
  assert.ok(twice.decisions.every(({ counts }) => counts));
  assertProblem(await decide(reviewer, request, 'approve'), 409, 'conflict');
});

test('nobody decides on their own request, in whatever role', async () => {
  const account = await newAccount(vault);
  const both = await newUser(vault, { roles: ['developer', 'reviewer'], accounts: [account.id] });
  const request = await newRequest({ id: account.id, developer: both.caller });
  for (const decision of ['approve', 'reject', 'ask'])
    assertProblem(await decide(both.caller, request, decision), 403, 'self_approval');
  const order = { decision: 'approve', digest: request.digest };
  assertProblem(await post(account.developer, request, 'decisions', order), 403, 'forbidden');
  assert.deepEqual(await actionsOf(request), ['created']);
});

test('a rule\'s groups are who may approve', async () => {
  const request = await newRequest(await newAccount(vault), { scopes: ['*'] });
  assert.equal(request.rule.name, 'everything');
  const [platform, security] = [await newReviewer(vault, 'platform'),
    await newReviewer(vault, 'security')];
  const problem = assertProblem(
    await decide(platform.caller, request, 'approve'), 403, 'not_in_group');
  assert.match(problem.detail, /security/);
  const { request: approved } = assertStatus(
    await decide(security.caller, request, 'approve'), 201);
  assert.equal(approved.state, 'approved');
});

test('a comment is needed where the rule or the decision wants one', async () => {
  const request = await newRequest(await newAccount(vault), { scopes: ['themes.read'] });
  for (const decision of ['approve', 'reject', 'ask']) {
    const problem = assertProblem(await decide(reviewer, request, decision, { comment: '' }), 422,
      'policy_refused');
    assert.equal(problem.errors[0].pointer, '/comment');
  }
  assertStatus(await decide(reviewer, request, 'approve', { comment: 'Seen.' }), 201);
});

test('a rule of no approvals approves at once, and says so in the log', async () => {
  const account = await newAccount(vault, { tags: ['partner'] });
  const request = await newRequest(account, { scopes: ['products.read'] });
  assert.equal(request.state, 'approved');
  assert.ok(request.credential_id);
  const [entry] = await auditOf(vault, { object: request.id });
  assert.equal(entry.action, 'request.approved');
  assert.equal((await newLiveKey(vault, account)).credential.status, 'delivered');
});

test('rejected, it is over, and the requester sees why', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account);
  const { request: now } = assertStatus(
    await decide(reviewer, request, 'reject', { comment: 'Use the other one.' }), 201);
  assert.equal(now.state, 'rejected');
  assert.equal((await show(account.developer, request)).decisions[0].comment, 'Use the other one.');
  assertProblem(await decide(reviewer2, request, 'approve'), 409, 'conflict');
  assertProblem(await post(account.developer, request, 'claims'), 409, 'conflict');
  assertProblem(await post(account.developer, request, 'withdraw'), 409, 'conflict');
  assert.deepEqual(await actionsOf(request), ['rejected', 'created']);
});

test('asked, it waits for the reply, and the thread tells both', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account);
  const { request: asked } = assertStatus(
    await decide(reviewer, request, 'ask', { comment: 'Which shop?' }), 201);
  assert.equal(asked.state, 'needs_info');
  assertProblem(await decide(reviewer2, request, 'approve'), 409, 'conflict');
  const replied = assertStatus(
    await post(account.developer, request, 'replies', { text: 'Lyon.' }), 201);
  assert.equal(replied.state, 'pending');
  assert.deepEqual(replied.thread.map(({ text }) => text), ['Which shop?', 'Lyon.']);
  assert.equal(replied.digest, request.digest);
  assert.equal((await approve(vault, replied)).state, 'approved');
  assert.deepEqual(await actionsOf(request), ['approved', 'replied', 'asked', 'created']);
});

test('a thread and the decisions have an end, which is told', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account);
  for (let i = 0; i < 12; i++)
    assertStatus(await post(account.developer, request, 'replies', { text: `No. ${i}` }), 201);
  for (const answer of [await post(account.developer, request, 'replies', { text: 'More' }),
    await decide(reviewer, request, 'ask')])
    assert.match(assertProblem(answer, 409, 'conflict').detail, /full/);
  // What is narrowed has to be told to the requester, and there is no room for that.
  const less = await decide(reviewer, request, 'approve', { expires_in_s: 60 });
  assert.match(assertProblem(less, 409, 'conflict').detail, /full/);
  assertStatus(await decide(reviewer, request, 'approve'), 201);
});

test('only who made it may change, answer or withdraw it', async () => {
  const account = await newAccount(vault);
  const other = await newUser(vault, { roles: ['developer'], accounts: [account.id] });
  const request = await newRequest(account);
  await show(other.caller, request);
  assertProblem(await post(other.caller, request, 'withdraw'), 403, 'forbidden');
  assertProblem(await post(other.caller, request, 'replies', { text: 'x' }), 403, 'forbidden');
  assertProblem(await other.caller.patch(`/v1/requests/${request.id}`, { name: 'x' }), 403,
    'forbidden');
  assert.equal(assertStatus(await post(account.developer, request, 'withdraw'), 200).state,
    'withdrawn');
  assertProblem(await decide(reviewer, request, 'approve'), 409, 'conflict');
});

test('a decision on what was changed meanwhile is stale, and the count starts again', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account, { scopes: ['orders.write'] });
  assertStatus(await decide(reviewer, request, 'approve'), 201);
  const changed = assertStatus(await account.developer.patch(`/v1/requests/${request.id}`,
    { scopes: ['orders.write', 'products.write'] }), 200);
  assert.notEqual(changed.digest, request.digest);
  assert.deepEqual(changed.decisions.map(({ counts }) => counts), [false]);

  const stale = { decision: 'approve', digest: request.digest };
  assertProblem(await post(reviewer2, request, 'decisions', stale), 412, 'stale');
  const made_up = { decision: 'approve', digest: '0'.repeat(64) };
  assertProblem(await post(reviewer2, request, 'decisions', made_up), 412, 'stale');
  assert.equal((await decide(reviewer2, request, 'approve')).body.request.state, 'pending');
  assert.equal((await decide(reviewer, request, 'approve')).body.request.state, 'approved');
});

test('what a reviewer never saw does not change what was approved', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account, { scopes: ['orders.write'] });
  const changes = [{ scopes: ['orders.read'] }, { expires_in_s: 60 },
    { allowed_ips: ['192.0.2.1'] }, { recipient_email: 'else@shop.example' },
    { recipient_public_key: Buffer.alloc(32, 3).toString('base64') }];
  const digests = new Set([request.digest]);
  for (const change of changes) {
    const answer = await account.developer.patch(`/v1/requests/${request.id}`, change);
    digests.add(assertStatus(answer, 200).digest);
  }
  assert.equal(digests.size, changes.length + 1);
});

test('the digest can be the tag of If-Match, and must be one of the two', async () => {
  const request = await newRequest(await newAccount(vault), { scopes: ['orders.write'] });
  const path = `/v1/requests/${request.id}/decisions`;
  const send = (digest, tag) => reviewer.post(path, { decision: 'approve', digest },
    { headers: tag ? { 'If-Match': tag } : {} });
  const { etag } = (await reviewer.get(`/v1/requests/${request.id}`)).headers;
  assertProblem(await send(undefined), 400, 'invalid_body');
  assertProblem(await send(undefined, `"${'0'.repeat(64)}"`), 412, 'stale');
  assertProblem(await send(request.digest, `"${'0'.repeat(64)}"`), 412, 'stale');
  assertProblem(await send(request.digest, '"999"'), 412, 'stale');
  assertStatus(await send(request.digest, etag), 201);
  const second = await reviewer2.post(path, { decision: 'approve' },
    { headers: { 'If-Match': `"${request.digest}"` } });
  assert.equal(assertStatus(second, 201).request.state, 'approved');
});

test('a reviewer may narrow and shorten, and never widen or lengthen', async () => {
  const account = await newAccount(vault);
  const wish = { scopes: ['products.read', 'products.write'], expires_in_s: 3600 };
  const request = await newRequest(account, wish);
  const wider = { scopes: ['products.read', 'orders.read'] };
  const longer = { expires_in_s: 7200 };
  for (const [members, pointer] of [[wider, '/scopes'], [longer, '/expires_in_s']]) {
    const problem = assertProblem(
      await decide(reviewer, request, 'approve', members), 422, 'policy_refused');
    assert.equal(problem.errors[0].pointer, pointer);
  }
  // Whoever approves nothing of it does not approve all of it.
  const none = assertProblem(
    await decide(reviewer, request, 'approve', { scopes: [] }), 400, 'invalid_body');
  assert.equal(none.errors[0].pointer, '/scopes');
  const narrowed = await approve(vault, request, { scopes: ['products.read'], expires_in_s: 60 });
  assert.deepEqual(narrowed.scopes, ['products.read']);
  const made = (await account.developer.get(`/v1/credentials/${narrowed.credential_id}`)).body;
  assert.deepEqual(made.scopes, ['products.read']);
  assert.equal(Date.parse(made.expires_at) - Date.parse(made.created_at), 60_000);
  const [{ kind, text }] = narrowed.thread;
  assert.equal(kind, 'narrowing');
  assert.match(text, /^Approved without products\.write\. The credential will end /);
  const [entry] = await auditOf(vault, { object: request.id, action: 'request.narrowed' });
  assert.deepEqual(JSON.parse(entry.detail), { left_out: 1, expires_in_s: 60 });
});

test('of many that were left out as many are named as a message has room for', async (t) => {
  const names = Array.from({ length: 17 }, (_, i) => `a${'n'.repeat(50)}${i + 10}.read`);
  const scopes = Object.fromEntries(names.map((name) => [name, { description: 'x' }]));
  const large = await startVault(t, { policy: await writePolicy(t, { scopes }) });
  const request = await newRequest(await newAccount(large), { scopes: ['orders.read', ...names] });
  const { thread, left_out } = await approve(large, request, { scopes: ['orders.read'] });
  assert.deepEqual(left_out, names);
  const [, told, more] = /^Approved without (.+) and (\d+) more\.$/.exec(thread[0].text);
  assert.deepEqual(told.split(', '), names.slice(0, told.split(', ').length));
  assert.equal(told.split(', ').length + Number(more), names.length);
});

test('an approval of less does not count for those who approved more', async () => {
  const request = await newRequest(await newAccount(vault), {
    scopes: ['orders.read', 'orders.write'],
  });
  assertStatus(await decide(reviewer, request, 'approve'), 201);
  const less = { scopes: ['orders.write'] };
  const { request: now } = assertStatus(await decide(reviewer2, request, 'approve', less), 201);
  assert.equal(now.state, 'pending');
  assert.deepEqual(now.decisions.map(({ counts }) => counts), [false, true]);
  const { request: done } = assertStatus(await decide(reviewer, request, 'approve'), 201);
  assert.deepEqual([done.state, done.scopes], ['approved', ['orders.write']]);
});

test('more scopes on a live key keep its secret, and its scopes till approved', async () => {
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account);
  const ask = (scope) => verify(vault, key.client_secret, { scopes: [scope] });
  const wish = { credential_id: key.credential.id, scopes: ['products.write'] };
  const request = await newRequest(account, wish);
  assert.equal(request.widens, key.credential.id);
  assert.equal((await ask('products.write')).code, 'INSUFFICIENT_SCOPE');
  const approved = await approve(vault, request);
  assert.equal(approved.credential_id, key.credential.id);
  assert.equal((await ask('products.write')).code, 'VALID');
  assert.equal((await ask('products.read')).code, 'VALID');
  assertProblem(await post(account.developer, request, 'claims'), 409, 'conflict');
  assertProblem(await account.developer.post('/v1/requests', {
    account_id: account.id, name: 'x', use_case: 'x', ...wish,
  }), 400, 'invalid_body');
});

test('a live key with all scopes can have some of them at once', async () => {
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account, { scopes: ['*'] });
  const edit = (scopes) =>
    account.developer.patch(`/v1/credentials/${key.credential.id}`, { scopes });
  const { scopes } = assertStatus(await edit(['themes.read', 'orders.read']), 200);
  assert.deepEqual(scopes, ['orders.read', 'themes.read']);
  const asked = { scopes: ['products.read'] };
  assert.equal((await verify(vault, key.client_secret, asked)).code, 'INSUFFICIENT_SCOPE');
  assertProblem(await edit(['*']), 422, 'approval_required');
});

test('who approves more scopes sees from where the key works, and approves no other', async () => {
  const account = await newAccount(vault);
  const key = await newLiveKey(vault, account, { allowed_ips: ['192.0.2.0/24'] });
  const request = await newRequest(account,
    { credential_id: key.credential.id, scopes: ['products.write'] });
  assert.deepEqual(request.allowed_ips, ['192.0.2.0/24']);
  const moved = { allowed_ips: ['192.0.2.7'] };
  const path = `/v1/credentials/${key.credential.id}`;
  assertStatus(await account.developer.patch(path, moved), 200);
  const order = { decision: 'approve', digest: request.digest };
  assertProblem(await post(reviewer, request, 'decisions', order), 412, 'stale');
  const { grant_id } = await approve(vault, request);
  const grant = await account.developer.get(`/v1/grants/${grant_id}`);
  assert.deepEqual(assertStatus(grant, 200).allowed_ips, moved.allowed_ips);
  const asked = { credential_id: key.credential.id, scopes: ['themes.read'], ...moved };
  assertProblem(await account.developer.post('/v1/requests', {
    account_id: account.id, name: 'x', use_case: 'x', ...asked,
  }), 400, 'invalid_body');
});

test('an approval taken back kills the key: the very next verification knows', async () => {
  for (const role of ['reviewer', 'admin']) {
    const key = await newLiveKey(vault, await newAccount(vault));
    const grant = `/v1/grants/${key.request.grant_id}/withdraw`;
    assert.equal((await verify(vault, key.client_secret)).code, 'VALID');
    const taken = assertStatus(await vault.as(role).post(grant, { comment: 'Over.' }), 200);
    assert.equal(taken.withdrawn_why, 'Over.');
    assert.equal((await verify(vault, key.client_secret)).code, 'REVOKED');
    assert.equal(taken.credential_id, key.credential.id);
    assert.deepEqual(assertStatus(await vault.as(role).post(grant), 200), taken);
    const shown = await vault.as('auditor').get(`/v1/grants/${key.request.grant_id}`);
    assert.deepEqual(assertStatus(shown, 200), taken);
  }
});

test('what waits for a reviewer is what that reviewer may decide', async () => {
  const account = await newAccount(vault);
  const open = await newRequest(account);
  const secret = await newRequest(account, { scopes: ['*'] });
  const half = await newRequest(account, { scopes: ['orders.write'] });
  const over = await newRequest(account);
  const { caller } = await newReviewer(vault, 'platform');
  assertStatus(await decide(caller, half, 'approve'), 201);
  assertStatus(await decide(caller, over, 'reject'), 201);
  const listed = async (query) => assertStatus(await caller.get(
    `/v1/requests?account_id=${account.id}&${query}`), 200).items.map(({ id }) => id).sort();
  assert.deepEqual(await listed('assigned=me'), [open.id]);
  assert.deepEqual(await listed('state=pending'), [open.id, secret.id, half.id].sort());
  assert.deepEqual(await listed('state=rejected'), [over.id]);
});

test('a suspended account\'s requests wait', async () => {
  const account = await newAccount(vault);
  const request = await newRequest(account);
  const set = (status) => vault.as('admin').patch(`/v1/accounts/${account.id}`, { status });
  assertStatus(await set('suspended'), 200);
  assertProblem(await decide(reviewer, request, 'approve'), 422, 'account_suspended');
  assertStatus(await set('active'), 200);
  assertStatus(await decide(reviewer, request, 'approve'), 201);
  assertStatus(await set('suspended'), 200);
  assertProblem(await post(account.developer, request, 'claims'), 422, 'account_suspended');
});
