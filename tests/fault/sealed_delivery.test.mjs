// Where a request names its recipient's public key, the pair leaves as a box for that key and in no
// other form. Whoever has the data folder, the root key and a record of every byte that was ever
// said cannot tell the secret: it is looked for in all three, and in every row that they open.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import sodium from 'libsodium-wrappers';
import { assertProblem, assertStatus } from '../api/lib/caller.mjs';
import { approve, newAccount, newClaim, newRequest, newTestKey, verify } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { PROGRAM, startVault } from '../api/lib/vault.mjs';
import { tables } from './lib/rows.mjs';
import { Wire } from './lib/wire.mjs';

const THIEF = path.join(path.dirname(PROGRAM), 'tests/fault/tools/thief');
await sodium.ready;

/** Every row that opens, also stale ones: [{table, key, plain}], plain being bytes. */
async function robbed(vault) {
  const args = [path.join(vault.data, 'vault'), path.join(vault.data, 'root.key')];
  const { stdout } = await promisify(execFile)(THIEF, [...args, ...Object.keys(tables)],
    { maxBuffer: 1 << 28 });
  return stdout.split('\n').filter(Boolean).map((line) => {
    const [table, key, plain] = line.split(' ');
    return { table, key, plain: Buffer.from(plain, 'hex') };
  });
}

/** The ways in which the bytes of a secret may stand somewhere. */
function forms(secret) {
  const texts = [secret, secret.slice(-39), secret.slice(-28)];
  const bytes = texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le'),
    Buffer.from(Buffer.from(text).toString('hex')), Buffer.from(text).reverse()]);
  // In base64 a text stands in one of three ways, by what is before it.
  for (let shift = 0; shift < 3; shift++) {
    const padded = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64');
    bytes.push(Buffer.from(padded.slice(4, -4)));
  }
  return bytes;
}
const has = (where, secret) => forms(secret).some((form) => where.includes(form));

/** A recipient with a key pair: {public_key, open(sealed), proof(pair, claim)}. */
function recipient() {
  const pair = sodium.crypto_box_keypair();
  return {
    public_key: Buffer.from(pair.publicKey).toString('base64'),
    open: (sealed) => JSON.parse(Buffer.from(sodium.crypto_box_seal_open(
      Buffer.from(sealed, 'base64'), pair.publicKey, pair.privateKey)).toString()),
    proof: ({ client_secret }, claim) => createHmac('sha256', client_secret)
      .update(`countersign acknowledge ${claim}`).digest('base64'),
  };
}

/** A vault that everybody speaks with over one wire, without TLS: {vault, wire, unheard}. */
async function overheard(t) {
  const vault = await startVault(t, { policy: await writePolicy(t), logLevel: 'debug' });
  const direct = vault.url;
  const wire = new Wire(vault, direct);
  t.after(() => wire.close());
  vault.url = await wire.listen();
  /** Does something that the wire does not hear of. */
  const unheard = async (fn) => {
    const url = vault.url;
    vault.url = direct;
    const result = await fn();
    vault.url = url;
    return result;
  };
  return { vault, wire, unheard };
}

/** Everything that there is to look in, by a name for each. */
async function places(vault, wire) {
  const found = { conversation: Buffer.concat(wire.recorded), log: Buffer.from(vault.log) };
  const folder = path.join(vault.data, 'vault');
  for (const name of await readdir(folder))
    found[name] = await readFile(path.join(folder, name));
  const rows = await robbed(vault);
  for (const { table, key, plain } of rows) found[`row ${key} of ${table}`] = plain;
  return { found, rows };
}

test('data folder, root key and all that was said do not tell what was sealed', async (t) => {
  const { vault, wire, unheard } = await overheard(t);
  const account = await newAccount(vault, { name: 'Zanzibar Umbrella Works' });
  const other = await newTestKey(account); // in the clear, to try the search on
  const mine = recipient();
  const wish = { recipient_public_key: mine.public_key };
  const request = await approve(vault, await newRequest(account, wish));
  const { claim } = await newClaim(account, request);
  const fetch = (members) => vault.anonymous.post('/v1/claims', { claim, ...members });
  const stranger = { public_key: recipient().public_key };
  assertProblem(await fetch(stranger), 422, 'policy_refused');
  const first = assertStatus(await fetch(), 200);
  assert.equal(first.client_secret, undefined, 'nobody asked for a box, and it is one');
  const again = assertStatus(await fetch({ public_key: mine.public_key }), 200);
  assert.equal(again.sealed, first.sealed);
  assertProblem(await fetch(stranger), 410, 'already_claimed');
  const pair = mine.open(first.sealed);
  const id = request.credential_id;

  // A reviewer looks, the recipient says that it arrived, a developer rotates: all of it is heard.
  assertStatus(await vault.as('reviewer').post(`/v1/credentials/${id}/release`,
    { comment: 'The stranger got nothing.' }), 200);
  const said = await vault.anonymous.post('/v1/claims/acknowledge',
    { claim, client_id: pair.client_id, proof: mine.proof(pair, claim) });
  assert.equal(assertStatus(said, 200).status, 'active');
  const answer = await account.developer.post(`/v1/credentials/${id}/rotate`, { grace_s: 3600 });
  const rotated = assertStatus(answer, 200);
  assert.equal(rotated.client_secret, undefined);
  const next = mine.open(rotated.sealed);
  assert.notEqual(next.client_secret, pair.client_secret);
  await unheard(async () => {
    for (const { client_secret } of [pair, next])
      assert.equal((await verify(vault, client_secret)).code, 'VALID');
  });

  const live = await places(vault, wire);
  await vault.stop();
  const { found, rows } = await places(vault, wire);
  for (const [place, bytes] of [...Object.entries(live.found), ...Object.entries(found)])
    for (const { client_secret } of [pair, next])
      assert.ok(!has(bytes, client_secret), `it stands in ${place}`);
  const names = new Set(rows.map(({ table }) => table));
  t.diagnostic(`${rows.length} rows opened, of ${names.size} tables`);

  // The search finds what is there to be found, or it has shown nothing.
  assert.ok(has(found.conversation, other.client_secret), 'the wire heard nothing');
  assert.ok(rows.some(({ plain }) => plain.includes('Zanzibar Umbrella Works')));
  const kept = rows.filter(({ table }) => table === 'claim');
  const box = Buffer.from(first.sealed, 'base64');
  assert.ok(kept.some(({ plain }) => plain.includes(box)), 'stale pages were not looked at');
  for (const table of ['credential', 'request', 'grant', 'audit'])
    assert.ok(rows.some((row) => row.table === table), `no row of ${table} was opened`);
});

test('who knows the claim and hears the proof has no use of either', async (t) => {
  const { vault } = await overheard(t);
  const account = await newAccount(vault);
  const mine = recipient();
  const wish = { recipient_public_key: mine.public_key };
  const request = await approve(vault, await newRequest(account, wish));
  const { claim } = await newClaim(account, request);
  const { sealed } = assertStatus(await vault.anonymous.post('/v1/claims', { claim }), 200);
  const pair = mine.open(sealed);
  const acknowledge = (members) => vault.anonymous.post('/v1/claims/acknowledge',
    { claim, client_id: pair.client_id, ...members });
  const other = { ...pair, client_secret: `${pair.client_secret}x` };
  assertProblem(await acknowledge({ proof: mine.proof(other, claim) }), 401, 'unauthenticated');
  assertProblem(await acknowledge({ proof: Buffer.alloc(32, 7).toString('base64') }), 401);
  assertProblem(await acknowledge({ proof: 'AAAA' }), 400, 'invalid_body');
  assertProblem(await acknowledge({}), 401, 'unauthenticated');
  const proof = mine.proof(pair, claim);
  for (let i = 0; i < 2; i++) assertStatus(await acknowledge({ proof }), 200);
  assertProblem(await vault.anonymous.post('/v1/claims', { claim }), 410, 'already_claimed');
  assert.equal((await verify(vault, proof)).valid, false);
});
