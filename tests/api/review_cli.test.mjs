// Reviewing on the command line: the queue, one request, and decisions that hold for what was seen.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertStatus } from './lib/caller.mjs';
import { countersign } from './lib/cli.mjs';
import { decide, newAccount, newRequest, newReviewer } from './lib/desk.mjs';
import { PROGRAM, startVault } from './lib/vault.mjs';

const vault = await startVault();
after(() => vault.close());
const run = (t, args, options = {}) =>
  countersign(t, args, { vault, role: 'reviewer', ...options });
const stateOf = async ({ id }) =>
  assertStatus(await vault.as('auditor').get(`/v1/requests/${id}`), 200).state;

/* The same on a terminal of its own, with somebody at it who types `input`. */
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
async function onTerminal(t, args, input, env = {}) {
  const line = [PROGRAM, ...args].map(quoted).join(' ');
  const own = {
    PATH: process.env.PATH, TERM: 'xterm', COUNTERSIGN_URL: vault.url, LANG: 'C.UTF-8',
    COUNTERSIGN_TOKEN: vault.tokens.reviewer, ...env,
  };
  return countersign(t, ['-qec', line, '/dev/null'], { program: 'script', env: own, input });
}

test('the queue is a table of who waits for what, oldest first', async (t) => {
  const account = await newAccount(vault, { name: 'Acme' });
  const scopes = ['orders.write', 'orders.read', 'themes.read'];
  await newRequest(account, { name: 'first', scopes });
  await newRequest(account, { name: 'second' });
  const { status, stdout } = await run(t,
    ['request', 'list', '--assigned', 'me', '--order', 'oldest', '--account', account.id]);
  assert.equal(status, 0);
  const lines = stdout.trimEnd().split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(lines[0], ['ID', 'AGE', 'STATE', 'ACCOUNT', 'NAME', 'SCOPES', 'RULE',
    'APPROVALS', 'WAITS FOR']);
  assert.deepEqual(lines[1].slice(2), ['pending', 'Acme', 'first', 'orders.read orders.write +1',
    'high-risk', '0/2', 'any reviewer']);
  assert.deepEqual(lines[2].slice(2), ['pending', 'Acme', 'second', 'products.read', 'otherwise',
    '0/1', 'any reviewer']);
  const json = await run(t, ['request', 'list', '--account', account.id, '--format', 'json']);
  const [item] = json.json().items;
  for (const made of ['age', 'some_scopes', 'approvals', 'waits_for'])
    assert.ok(!(made in item), made);
  const none = await run(t, ['request', 'list', '--older-than', '1d', '--account', account.id]);
  assert.equal(none.stdout.trimEnd().split('\n').length, 1);
});

test('how many there are, and how many wait for me', async (t) => {
  const account = await newAccount(vault);
  await newRequest(account);
  const rejected = await newRequest(account, { name: 'another' });
  assertStatus(await decide(vault.as('reviewer'), rejected, 'reject', { comment: 'No.' }), 201);
  const ours = ['request', 'count', '--account', account.id];
  const { json } = await run(t, [...ours, '--format', 'json']);
  assert.deepEqual(json(), {
    assigned: 1,
    assigned_at_least: false,
    states: { pending: 1, needs_info: 0, approved: 0, rejected: 1, withdrawn: 0, expired: 0 },
  });
  const { stdout } = await run(t, ours);
  assert.match(stdout, /^assigned +1$/m);
  assert.match(stdout, /^states\.rejected +1$/m);
});

test('what a script decides on, it has to name', async (t) => {
  const request = await newRequest(await newAccount(vault));
  for (const verb of ['approve', 'reject', 'ask']) {
    const refused = await run(t, ['request', verb, request.id, '--comment', 'Fine.']);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /Give --digest DIGEST/);
  }
  const blind = await run(t, ['request', 'approve', request.id, '--yes']);
  assert.equal(blind.status, 2);
  const stale = await run(t, ['request', 'approve', request.id, '--digest', '0'.repeat(64)]);
  assert.equal(stale.status, 5);
  assert.equal(await stateOf(request), 'pending');
  const done = await run(t, ['request', 'approve', request.id, '--digest', request.digest]);
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^Name {8}live key/);
  assert.equal(await stateOf(request), 'approved');
});

test('on a terminal it is shown, and asked about', async (t) => {
  const account = await newAccount(vault);
  const request = await newRequest(account, { use_case: 'To print labels.' });
  const no = await onTerminal(t, ['request', 'approve', request.id], 'n\n');
  assert.match(no.stdout, /Why {9}> To print labels\./);
  assert.match(no.stdout, /nothing was decided/);
  assert.equal(no.status, 1);
  assert.equal(await stateOf(request), 'pending');
  const yes = await onTerminal(t, ['request', 'approve', request.id], 'y\n');
  assert.equal(yes.status, 0, yes.stdout);
  assert.equal(await stateOf(request), 'approved');
});

test('headings are bold on a terminal, and nowhere else', async (t) => {
  const request = await newRequest(await newAccount(vault));
  const show = ['request', 'show', request.id];
  const bold = '\u001b[1mName\u001b[0m';
  assert.ok((await onTerminal(t, show, '')).stdout.includes(bold));
  assert.ok(!(await onTerminal(t, show, '', { NO_COLOR: '1' })).stdout.includes('\u001b'));
  assert.ok(!(await run(t, show)).stdout.includes('\u001b'));
});

test('one page tells of the thread, of what changed, and of what was before', async (t) => {
  const account = await newAccount(vault, { name: 'Acme' });
  const old = await newRequest(account, { name: 'old', scopes: ['themes.read'] });
  const reject = { comment: 'Use the bundle.' };
  assertStatus(await decide(vault.as('reviewer2'), old, 'reject', reject), 201);
  const scopes = ['orders.read', 'orders.write'];
  const request = await newRequest(account, { name: 'ERP', scopes });
  assertStatus(await decide(vault.as('reviewer'), request, 'approve'), 201);
  const ask = await run(t, ['request', 'ask', request.id, '--digest', request.digest, '-m', 'Why?'],
    { role: 'reviewer2' });
  assert.equal(ask.status, 0, ask.stderr);
  const developer = { token: account.token };
  assert.equal((await run(t, ['request', 'reply', request.id, '-m', 'Labels.'], developer)).status,
    0);
  const edit = await run(t, ['request', 'edit', request.id, '--scope', 'orders.write'], developer);
  assert.equal(edit.status, 0, edit.stderr);
  const { stdout } = await run(t, ['request', 'show', request.id]);
  for (const line of [
    /^Account {5}Acme, acct_/m, /^Changed {5}since the decision of Reviewer <reviewer@/m,
    /^ {12}scopes dropped: orders\.read$/m,
    /^Decisions {3}0 of 2 approvals; still missing: 2 more$/m,
    /of what it was before$/m, /^Thread {6}question by Second reviewer <reviewer2@/m,
    /^ {14}> Why\?$/m, /^ {14}> Labels\.$/m,
    /^ {12}the account's requests: 1 pending, 1 rejected$/m,
    /^ {14}\d{4}-\d\d-\d\d rejected: old \(themes\.read\)$/m, /^ {16}> Use the bundle\.$/m,
  ]) assert.match(stdout, line);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const own = (await run(t, ['request', 'show', request.id], developer)).stdout;
  assert.doesNotMatch(own, /^History|@platform\.example/m);
  const withdrawn = await run(t, ['request', 'withdraw', request.id, '--yes'], developer);
  assert.match(withdrawn.stdout, /^ {12}withdrawn \d{4}/m);
});

test('who stands in another group finds nothing, and is told so by an empty table', async (t) => {
  const { token } = await newReviewer(vault, 'nobody');
  const { status, stdout } = await run(t, ['request', 'list', '--assigned', 'me', '--state',
    'rejected'], { token });
  assert.deepEqual([status, stdout.trimEnd().split('\n').length], [0, 1]);
});
