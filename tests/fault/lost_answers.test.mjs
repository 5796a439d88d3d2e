// The program is killed between a fetch and its answer. Whoever fetches ends with one pair that
// works, without another approval, and of all secrets that were ever sent one is good at most.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import sodium from 'libsodium-wrappers';
import { assertStatus, Caller } from '../api/lib/caller.mjs';
import { approve, newAccount, newClaim, newRequest, verify } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';
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
    wire.onAnswer = () => {
      wire.onAnswer = () => {};
      resolve(vault.kill());
    };
  }),
  async (vault, wire) => {
    wire.onAnswer = () => {};
    await sleep(random() * 6);
    await vault.kill();
  },
];

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
  return { body: { public_key }, again: ({ vault, claim }) => fetch(vault.anonymous, claim) };
};

/**
 * Without one: what was lost is void, and claimed anew by who asked for the key. Some try the old
 * link once more before that, which is an alarm, and has the pair in quarantine.
 */
const keyless = () => ({
  body: {},
  async again({ vault, account, request, claim }) {
    const fetch = (token) => vault.anonymous.post('/v1/claims', { claim: token });
    const first = await (random() < 0.5 ? fetch(claim) : null);
    if (first?.status === 200) return { ...first.body, claim };
    const issued = await newClaim(account, request);
    return { ...assertStatus(await fetch(issued.claim), 200), claim: issued.claim };
  },
});

test(`killed between fetch and answer ${ROUNDS} times (FAULT_SEED=${SEED})`, async (t) => {
  const policy = await writePolicy(t);
  const vault = await startVault(t, { policy, logLevel: 'warn' });
  const account = await newAccount(vault);
  const counts = { done: 0, undone: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const request = await approve(vault, await newRequest(account));
    const { claim } = await newClaim(account, request);
    const way = [keyed, keyless][round % 2]();
    const wire = new Wire(vault);
    const agent = new http.Agent();
    const caller = new Caller(wire.through(await wire.listen(), agent));
    const cut = cuts[(round >> 1) % 2](vault, wire);
    const answer = await caller.post('/v1/claims', { claim, ...way.body }).catch(() => null);
    assert.equal(answer, null, 'an answer came through');
    await cut;
    wire.close();
    agent.destroy();
    await vault.start();

    const looked = assertStatus(await vault.anonymous.post('/v1/claims/lookup', { claim }), 200);
    counts[looked.state === 'used' ? 'done' : 'undone']++;
    const pair = await way.again({ vault, account, request, claim });
    const sent = Buffer.concat(wire.recorded).toString('latin1').match(SECRET) ?? [];
    assert.equal((await verify(vault, pair.client_secret)).code, 'VALID', `round ${round}`);
    for (const secret of sent)
      if (secret !== pair.client_secret)
        assert.equal((await verify(vault, secret)).code, 'NOT_FOUND', `round ${round}`);
    const shown = await account.developer.get(`/v1/requests/${request.id}`);
    assert.equal(assertStatus(shown, 200).decisions.length, 1, 'another approval was needed');
    const basic = Buffer.from(`${pair.client_id}:${pair.client_secret}`).toString('base64');
    const said = await vault.anonymous.post('/v1/claims/acknowledge',
      { claim: pair.claim, client_id: pair.client_id },
      { headers: { Authorization: `Basic ${basic}` } });
    assert.equal(assertStatus(said, 200).status, 'active', `round ${round}`);
  }
  t.diagnostic(`cut off: ${counts.done} fetches that were done, ${counts.undone} that were not`);
  if (ROUNDS >= 50) assert.ok(counts.done >= ROUNDS / 2);
});
