// The program is killed between a fetch and its answer. Whoever fetches ends with one pair that
// works, without another approval, and of all secrets that were ever sent one is good at most.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertStatus, Caller } from '../api/lib/caller.mjs';
import { countersign } from '../api/lib/cli.mjs';
import { approve, newAccount, newClaim, newRequest, verify } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault, temporaryFolder } from '../api/lib/vault.mjs';
import { seeded } from './lib/random.mjs';
import { Wire } from './lib/wire.mjs';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 200);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 2 ** 31);
const random = seeded(SEED);
const SECRET = /cs_live_[0-9A-Za-z]{39}/g;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
await sodium.ready;

/**
 * How a fetch is cut off: exactly after the vault began to answer, when all of it was done; or at
 * some time around that, when it was done or was not. Both resolve once the process is gone.
 */
const cuts = [
  (vault, wire) => new Promise((resolve) => {
    onFetch(wire, () => {
      wire.onAnswer = () => {
        wire.onAnswer = () => {};
        resolve(vault.kill());
      };
    });
  }),
  (vault, wire) => new Promise((resolve) => {
    onFetch(wire, () => {
      wire.onAnswer = () => {};
      resolve(sleep(random() * 6).then(() => vault.kill()));
    });
  }),
];

/** Calls `then` when the fetch goes over the wire; what is asked before it is let through. */
function onFetch(wire, then) {
  wire.onRequest = (bytes) => {
    if (!bytes.toString('latin1').startsWith('POST /v1/claims HTTP/1.1\r\n')) return;
    wire.onRequest = undefined;
    then();
  };
}

/** A fetch over the wire by a program of one's own, that gets no answer. */
async function lose(wire, members) {
  const agent = new http.Agent();
  const caller = new Caller(wire.through(wire.url, agent));
  const answer = await caller.post('/v1/claims', members).catch(() => null);
  assert.equal(answer, null, 'an answer came through');
  agent.destroy();
}

/** With a key: the same fetch, once more, until it is answered. */
const keyed = () => {
  const pair = sodium.crypto_box_keypair();
  const public_key = Buffer.from(pair.publicKey).toString('base64');
  const fetch = async (caller, claim) => {
    const { sealed } = assertStatus(await caller.post('/v1/claims', { claim, public_key }), 200);
    const opened = sodium.crypto_box_seal_open(Buffer.from(sealed, 'base64'), pair.publicKey,
      pair.privateKey);
    return { ...JSON.parse(Buffer.from(opened).toString()), claim };
  };
  return {
    first: ({ wire, claim }) => lose(wire, { claim, public_key }),
    again: ({ vault, claim }) => fetch(vault.anonymous, claim),
  };
};

/**
 * Without one: what was lost is void, and claimed anew by who asked for the key. Some try the old
 * link once more before that, which is an alarm, and has the pair in quarantine.
 */
const keyless = () => ({
  first: ({ wire, claim }) => lose(wire, { claim }),
  async again({ vault, account, request, claim }) {
    const fetch = (token) => vault.anonymous.post('/v1/claims', { claim: token });
    const first = await (random() < 0.5 ? fetch(claim) : null);
    if (first?.status === 200) return { ...first.body, claim };
    const issued = await newClaim(account, request);
    return { ...assertStatus(await fetch(issued.claim), 200), claim: issued.claim };
  },
});

/** By the command: it is run again, and that is all. */
const commanded = () => {
  const run = async ({ t, state }, claim, url) => {
    const args = ['claim', '--state-dir', state, '--format', 'json', '--url', url];
    return countersign(t, args, { input: `${claim}\n` });
  };
  return {
    async first(all) {
      const out = await run(all, all.claim, all.wire.url);
      assert.deepEqual([out.status, out.stdout], [7, ''], out.stderr);
    },
    async again(all) {
      const out = await run(all, all.claim, all.vault.url);
      assert.equal(out.status, 0, out.stderr);
      return { ...out.json(), claim: all.claim };
    },
  };
};
const ways = [keyed, keyless, commanded];

/** Says once more that it arrived, as whoever asks for the key again may; or for the first time. */
async function acknowledge(vault, { client_id, client_secret, claim }) {
  const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
  const said = await vault.anonymous.post('/v1/claims/acknowledge', { claim, client_id },
    { headers: { Authorization: `Basic ${basic}` } });
  return assertStatus(said, 200).status;
}

test(`killed between fetch and answer ${ROUNDS} times (FAULT_SEED=${SEED})`, async (t) => {
  const policy = await writePolicy(t);
  const vault = await startVault(t, { policy, logLevel: 'warn' });
  const account = await newAccount(vault);
  const state = await temporaryFolder(t);
  const counts = { done: 0, undone: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const request = await approve(vault, await newRequest(account));
    const { claim } = await newClaim(account, request);
    const way = ways[round % 3]();
    const wire = new Wire(vault);
    await wire.listen();
    const cut = cuts[Math.floor(round / 3) % 2](vault, wire);
    await way.first({ t, wire, claim, state });
    await cut;
    wire.close();
    await vault.start();

    const looked = assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);
    counts[looked.state === 'used' ? 'done' : 'undone']++;
    const pair = await way.again({ t, vault, account, request, claim, state });
    const sent = Buffer.concat(wire.recorded).toString('latin1').match(SECRET) ?? [];
    assert.equal((await verify(vault, pair.client_secret)).code, 'VALID', `round ${round}`);
    for (const secret of sent)
      if (secret !== pair.client_secret)
        assert.equal((await verify(vault, secret)).code, 'NOT_FOUND', `round ${round}`);
    const shown = await account.developer.get(`/v1/requests/${request.id}`);
    assert.equal(assertStatus(shown, 200).decisions.length, 1, 'another approval was needed');
    assert.equal(await acknowledge(vault, pair), 'active', `round ${round}`);
  }
  t.diagnostic(`cut off: ${counts.done} fetches that were done, ${counts.undone} that were not`);
  if (ROUNDS >= 50) assert.ok(counts.done >= ROUNDS / 2 - 3);
});
