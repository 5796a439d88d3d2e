// The audit log as others see it: exports, receipts and checkpoints, and two verifiers of them that
// share no code. Whatever was done to an export, both must name the first entry that is wrong.
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import {
  Export, leafHash, nodeHash, openCheckpoint, parseKey, rootByPath, rootOf, rootsByConsistency,
  verifyExport, verifyReceipt,
} from '../audit/verifier.mjs';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { countersign, spawnCountersign } from './lib/cli.mjs';
import { decide, fetchClaim, newAccount, newClaim, newRequest } from './lib/desk.mjs';
import { blockOf, readDocument, readerFolder } from './lib/examples.mjs';
import { startVault, temporaryFolder } from './lib/vault.mjs';

const ENTRIES = 2000;
/* The program is started for each of so many entries; AUDIT_EVERY=1 tries all of them. */
const EVERY = Number(process.env.AUDIT_EVERY ?? 499);

const vault = await startVault();
after(() => vault.close());
const folder = await temporaryFolder();
const admin = vault.as('admin');
const account = await newAccount(vault);

const cli = (t, args) => countersign(t, ['audit', ...args], { vault, role: 'auditor' });
const checkpointOf = async (t, ...args) => (await cli(t, ['checkpoint', ...args])).stdout;
const file = (name) => path.join(folder, name);
const sizeNow = async () => assertStatus(await admin.get('/v1/audit/checkpoint'), 200).size;

/** What the program says of a file: {status, valid, first_bad, …}. */
async function verifyFile(t, name, ...args) {
  const said = await countersign(t, ['audit', 'verify', name, '--format', 'json', ...args]);
  assert.ok([0, 1].includes(said.status) && said.stdout, `${args} ${said.stderr}`);
  const answer = said.json();
  assert.equal(answer.valid, said.status === 0);
  return answer;
}

/** Both verdicts on these lines; they must agree. */
async function verdictOf(t, lines, { key, kept } = {}) {
  const name = file('tried.jsonl');
  await writeFile(name, lines.map((line) => `${line}\n`).join(''));
  const args = [];
  if (key) args.push('--verifier', key);
  if (kept) {
    await writeFile(file('kept.txt'), kept);
    args.push('--checkpoint', file('kept.txt'));
  }
  const ours = await verifyFile(t, name, ...args);
  const theirs = await verifyExport(lines, { key, kept });
  assert.deepEqual([ours.valid, ours.first_bad], [theirs.valid, theirs.first_bad],
    `${ours.why} / ${theirs.why}`);
  return ours;
}

const entriesOf = (lines) => lines.slice(1);
async function exportTo(t, name, ...args) {
  const said = await cli(t, ['export', file(name), ...args]);
  assert.equal(said.status, 0, said.stderr);
  return (await readFile(file(name), 'utf8')).split('\n').slice(0, -1);
}

/* The published vectors, which the unit test of the tree has too, for the second verifier. */
test('the second verifier has the tree of RFC 6962', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657',
    '606162636465666768696a6b6c6d6e6f'].map((hex) => leafHash(Buffer.from(hex, 'hex')));
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  for (const [size, root] of roots.entries())
    assert.equal(rootOf(leaves.slice(0, size)).toString('hex'), root);
  const path = [leaves[4], nodeHash(leaves[6], leaves[7]), rootOf(leaves.slice(0, 4))];
  assert.equal(rootByPath(leaves[5], 5, 8, path).toString('hex'), roots[8]);
});

test('receipts of a decision and of a fetch prove themselves, to both verifiers', async (t) => {
  const key = (await checkpointOf(t, '--verifier')).trim();
  const request = await newRequest(account);
  const decided = assertStatus(await decide(vault.as('reviewer'), request, 'approve'), 201);
  const { claim } = await newClaim(account, request);
  const fetched = assertStatus(await fetchClaim(vault, claim), 200);
  assert.equal(decided.receipt.entry.object, request.id);
  assert.equal(fetched.receipt.entry.action, 'claim.used');
  for (const answer of [decided, fetched, decided.receipt]) {
    const name = file('receipt.json');
    await writeFile(name, JSON.stringify(answer, null, 2)); // its spaces do not count
    assert.equal((await verifyFile(t, name, '--verifier', key)).valid, true);
    assert.equal(verifyReceipt(answer, { key }).valid, true);
    const said = await countersign(t, ['audit', 'verify', name]);
    assert.equal(said.status, 2, 'without a key there is nothing to trust');
  }
  const { receipt } = decided;
  const wrong = {
    'another action': { entry: { ...receipt.entry, action: 'request.rejected' } },
    'another detail': { detail: '{}' },
    'no detail': { detail: null },
    'another number': { index: receipt.index - 1 },
    'another hash': { hash: fetched.receipt.hash },
    'another proof': { proof: fetched.receipt.proof },
    'a shorter proof': { proof: receipt.proof.slice(1) },
    'another checkpoint': { checkpoint: fetched.receipt.checkpoint },
    'no checkpoint': { checkpoint: null },
  };
  for (const [what, members] of Object.entries(wrong)) {
    const forged = { ...receipt, ...members };
    await writeFile(file('forged.json'), JSON.stringify(forged));
    const ours = await verifyFile(t, file('forged.json'), '--verifier', key);
    assert.equal(ours.valid, false, what);
    assert.equal(verifyReceipt(forged, { key }).valid, false, what);
  }
});

test('a log of 2,000 entries: export, and every falsification of it', async (t) => {
  const now = await sizeNow();
  for (let left = ENTRIES - now; left > 0; left -= 100)
    await together(Math.min(left, 100), (index) =>
      admin.post('/v1/accounts', { name: `No. ${left} ${index} ä"` }));
  const key = (await checkpointOf(t, '--verifier')).trim();
  const kept = `${await checkpointOf(t, '--size', '1000')}${await checkpointOf(t)}`;
  const lines = await exportTo(t, 'whole.jsonl');
  assert.equal(lines.length, ENTRIES + 1);
  assert.deepEqual(await verdictOf(t, lines, { key, kept }), {
    valid: true, origin: key.split('+')[0], entries: ENTRIES, first_bad: null, key: 'given',
    why: null,
  });

  /** The falsifications at entry `i`: [what, lines from there on, first that is wrong]. */
  const falsify = (i) => {
    const entries = entriesOf(lines);
    const own = entries[i];
    const at = (i * 7919) % own.length;
    const flip = own.slice(0, at) + String.fromCharCode(own.charCodeAt(at) ^ 1) + own.slice(at + 1);
    const other = entries[(i + ENTRIES / 2) % ENTRIES];
    const made = JSON.parse(own);
    made.entry.actor = 'user_01M7YKXBG5AQ59YVP695N1MJD6';
    return [
      ['flipped', [flip, ...entries.slice(i + 1)], i],
      ['deleted', entries.slice(i + 1), i],
      ['inserted', [other, ...entries.slice(i)], i],
      ['doubled', [own, ...entries.slice(i)], i + 1],
      ['edited to fit itself', [JSON.stringify(made), ...entries.slice(i + 1)], i],
      ['cut off', [], i],
      ...(i + 1 < ENTRIES ? [['swapped', [entries[i + 1], own, ...entries.slice(i + 2)], i]] : []),
    ];
  };
  /* The second verifier goes on from a copy of what it was at that entry. */
  const log = new Export(lines[0], { key, kept });
  for (const [i, line] of entriesOf(lines).entries()) {
    for (const [what, rest, bad] of falsify(i)) {
      const tried = log.clone();
      assert.throws(() => {
        for (const one of rest) tried.line(one);
        tried.end();
      }, ({ index }) => index === bad, `${what} at ${i}`);
    }
    log.line(line);
  }
  log.end();
  /* The program is started anew each time. */
  const places = [0, 1, 999, 1000, 1001, ENTRIES - 1];
  for (let i = 2; i < ENTRIES; i += EVERY) places.push(i);
  for (const i of new Set(places))
    for (const [what, rest, bad] of falsify(i)) {
      const verdict = await verdictOf(t, [...lines.slice(0, i + 1), ...rest], { key, kept });
      assert.equal(verdict.first_bad, bad, `${what} at ${i}: ${verdict.why}`);
    }
});

test('an export is of one checkpoint, and goes on where it was cut off', async (t) => {
  const lines = await exportTo(t, 'cut.jsonl');
  const whole = await readFile(file('cut.jsonl'));
  assertStatus(await admin.post('/v1/accounts', { name: 'meanwhile' }), 201);
  for (const length of [whole.length - 1, 300_000, lines[0].length + 3, 5, 0]) {
    await truncate(file('cut.jsonl'), length);
    const again = await exportTo(t, 'cut.jsonl', '--resume');
    assert.equal((await verdictOf(t, again)).valid, true);
    if (length > lines[0].length) {
      assert.equal(again[0], lines[0]);
      assert.deepEqual(again.slice(1).map((line) => JSON.parse(line).entry),
        lines.slice(1).map((line) => JSON.parse(line).entry));
    }
  }
  const there = await cli(t, ['export', file('cut.jsonl')]);
  assert.equal(there.status, 1);
  assert.match(there.stderr, /exists/);
  const piped = await cli(t, ['export']);
  assert.equal((await verdictOf(t, piped.stdout.split('\n').slice(0, -1))).valid, true);
  const nowhere = await cli(t, ['export', '--resume']);
  assert.equal(nowhere.status, 2);
  const other = await startVault(t);
  const stranger = await countersign(t, ['audit', 'export', file('cut.jsonl'), '--resume'],
    { vault: other, role: 'auditor' });
  assert.notEqual(stranger.status, 0, 'the file is of another log');
});

test('an export of a page brings the whole proof of its first entry', async () => {
  const auditor = vault.as('auditor');
  const pages = [];
  for (let cursor = ''; cursor !== null;) {
    const page = assertStatus(await auditor.get(`/v1/audit/export?size=70&limit=30${cursor}`), 200);
    pages.push(page.items);
    cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
  }
  assert.deepEqual(pages.map((items) => items.length), [30, 30, 10]);
  assert.deepEqual(pages.flat().map(({ entry }) => entry.index), [...Array(70).keys()]);
  for (const query of ['size=0', 'size=99999999', 'size=x', 'limit=101', 'cursor=x'])
    assertProblem(await auditor.get(`/v1/audit/export?${query}`), 400, 'invalid_query');
});

test('proofs over HTTP hold for a verifier that is not ours', async () => {
  const developer = account.developer;
  const state = async (query = '') =>
    assertStatus(await developer.get(`/v1/audit/checkpoint${query}`), 200);
  const { verifier_key, size } = await state();
  const key = parseKey(verifier_key);
  for (let i = 0; i < 100; i++) {
    const to = 1 + ((i * 104729) % size);
    const from = 1 + ((i * 7919) % to);
    const index = (i * 15485863) % to;
    const old = await state(`?size=${from}`);
    assert.deepEqual(openCheckpoint(old.checkpoint, key).root.toString('base64'), old.root_hash);
    const target = `/v1/audit/consistency?from=${from}&size=${to}`;
    const joined = assertStatus(await developer.get(target), 200);
    const { root } = openCheckpoint(joined.checkpoint, key);
    const hashes = joined.hashes.map((text) => Buffer.from(text, 'base64'));
    assert.deepEqual(rootsByConsistency(from, to, Buffer.from(old.root_hash, 'base64'), hashes),
      [Buffer.from(old.root_hash, 'base64'), root]);
    const proved = assertStatus(
      await developer.get(`/v1/audit/proof?index=${index}&size=${to}`), 200);
    assert.ok(proved.hashes.length <= 1 + Math.log2(to));
    assert.deepEqual(rootByPath(Buffer.from(proved.hash, 'base64'), index, to,
      proved.hashes.map((text) => Buffer.from(text, 'base64'))), root);
  }
  for (const query of ['proof', 'proof?index=99999999', 'proof?index=5&size=5', 'consistency',
    'consistency?from=0', 'consistency?from=5&size=4', 'checkpoint?size=99999999',
    'proof?index=-1'])
    assertProblem(await developer.get(`/v1/audit/${query}`), 400, 'invalid_query');
});

test('a store that was put back to an old state is found by a kept checkpoint', async (t) => {
  const data = await temporaryFolder(t);
  const put = await startVault(t, { data: path.join(data, 'now') });
  const make = (name) => put.as('admin').post('/v1/accounts', { name });
  const run = (args) => countersign(t, ['audit', ...args], { vault: put, role: 'auditor' });
  const verdict = async (name) => {
    const said = await run(['export', file(name)]);
    assert.equal(said.status, 0, said.stderr);
    const lines = (await readFile(file(name), 'utf8')).split('\n').slice(0, -1);
    return verdictOf(t, lines, { kept });
  };
  for (const name of ['a', 'b', 'c']) assertStatus(await make(name), 201);
  let kept = (await run(['checkpoint'])).stdout;
  await put.stop();
  await cp(path.join(data, 'now'), path.join(data, 'then'), { recursive: true });
  await put.start();
  for (const name of ['d', 'e', 'f', 'g']) assertStatus(await make(name), 201);
  kept += (await run(['checkpoint'])).stdout;
  assert.equal((await verdict('before.jsonl')).valid, true);
  await put.stop();
  const sizes = [...kept.matchAll(/^(\d+)$/gm)].map(([, size]) => Number(size));
  await cp(path.join(data, 'then'), path.join(data, 'now'), { recursive: true, force: true });
  await put.start();
  const short = await verdict('short.jsonl');
  assert.equal(short.valid, false);
  assert.match(short.why, /cut off/);
  for (const name of ['h', 'i', 'j', 'k', 'l']) assertStatus(await make(name), 201);
  const grown = await verdict('grown.jsonl');
  assert.deepEqual([grown.valid, grown.first_bad], [false, sizes[0]]);
  assert.match(grown.why, new RegExp(`among ${sizes[0]} to ${sizes[1] - 1}`));
});

test('a configured log has its name, and a witness that is handed its checkpoints', async (t) => {
  const own = await temporaryFolder(t);
  const [config, data, kept] = ['x.yaml', 'data', 'kept'].map((one) => path.join(own, one));
  await mkdir(data, { mode: 0o700 });
  await writeFile(config, JSON.stringify({
    version: 1, data, root_key: { file: path.join(own, 'root.key') }, listen: ['127.0.0.1:0'],
    audit: {
      origin: 'keys.example/audit',
      witness: { command: ['sh', '-c', 'cat >>"$1"', 'sh', kept], interval_s: 1 },
    },
  }));
  const unlocked = '--allow-unlocked-memory';
  const made = await countersign(t,
    ['init', '--config', config, '--admin', 'ada@platform.example', unlocked]);
  assert.equal(made.status, 0, made.stderr);
  const child = spawnCountersign(t, ['serve', '--config', config, unlocked]);
  const url = `http://${await child.line(/msg="?listening"? address=(\S+)/)}`;
  const admin = { vault: { url }, token: made.stdout.trim() };
  const ask = async (...args) => {
    const said = await countersign(t, args, admin);
    assert.equal(said.status, 0, said.stderr);
    return said.stdout;
  };
  await ask('account', 'create', '--name', 'Shop');
  const now = await ask('audit', 'checkpoint');
  assert.match(now, /^keys\.example\/audit\n/);
  const text = () => readFile(kept, 'utf8').catch(() => '');
  await vault.until(async () => (await text()).includes(now));
  await ask('audit', 'export', file('named.jsonl'));
  const answer = await verifyFile(t, file('named.jsonl'), '--checkpoint', kept);
  assert.deepEqual([answer.valid, answer.origin], [true, 'keys.example/audit']);
  child.kill('SIGTERM');
});

test('the example of docs/audit.md plays as it is printed there', async (t) => {
  const text = await readDocument('audit.md');
  const { play } = await readerFolder(t, vault);
  const { status, stdout, stderr } = await play(blockOf(text, 'sh'));
  const said = stdout + stderr;
  assert.equal(status, 0, said);
  const answers = /^ {4}(countersign: .*|exit code .*)$/gm;
  const promised = [...text.matchAll(answers)].map(([, line]) => line);
  assert.equal(promised.length, 2);
  assert.match(said, /^valid +yes$/m);
  for (const line of promised) assert.ok(said.includes(line), `${line}\n${said}`);
});
