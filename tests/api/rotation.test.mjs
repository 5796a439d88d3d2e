// Rotation that drains: while clients change from the old secret to the new one, each in its own
// time, nobody is refused; the old one ends at its deadline, or once nobody shows it any more.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { seeded } from '../fault/lib/random.mjs';
import { assertProblem, assertStatus, together } from './lib/caller.mjs';
import { auditOf, newAccount, newLiveKey, newTestKey, verify } from './lib/desk.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const CLIENTS = 32;
const SECOND = 1000;
const SEED = Number(process.env.ROTATION_SEED ?? Date.now() % 2 ** 31);
const random = seeded(SEED);
const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());

const rotate = (account, { id }, order) =>
  account.developer.post(`/v1/credentials/${id}/rotate`, order);
const show = async (account, { id }) =>
  assertStatus(await account.developer.get(`/v1/credentials/${id}`), 200);
const usage = async (account, { id }) =>
  assertStatus(await account.developer.get(`/v1/credentials/${id}/usage`), 200);

/**
 * Clients that ask all the time, with the secret that each of them has. One that is told of a new
 * secret takes it after some more calls of its own.
 */
class Clients {
  answers = {}; // code -> how many
  #secrets; // by client
  #waits; // by client: calls until it changes
  #next = null;
  #asking = 0; // questions under way
  #held = null; // a promise, while nobody may begin another
  #stopped = false;
  #running;

  constructor(secret) {
    this.#secrets = Array(CLIENTS).fill(secret);
    this.#waits = Array(CLIENTS).fill(0);
    this.#running = together(CLIENTS, (i) => this.#ask(i));
  }

  /** Tells everybody; resolves when the last of them has changed. */
  change(secret) {
    this.#waits = this.#waits.map(() => 1 + Math.floor(random() * 40));
    this.#next = secret;
    return vault.until(() => this.#secrets.every((one) => one === secret), 60_000);
  }

  /** Turns the clock while no question is under way: it would be cut off as one that is late. */
  async advance(ms) {
    let release;
    this.#held = new Promise((resolve) => (release = resolve));
    await vault.until(() => this.#asking === 0);
    await vault.advance(ms);
    this.#held = null;
    release();
  }

  stop() {
    this.#stopped = true;
    return this.#running;
  }

  async #ask(i) {
    while (!this.#stopped) {
      await this.#held;
      this.#asking++;
      const { code } = await verify(vault, this.#secrets[i]);
      this.#asking--;
      this.answers[code] = (this.answers[code] ?? 0) + 1;
      if (this.#next && this.#waits[i]-- === 0) this.#secrets[i] = this.#next;
    }
  }
}

test(`rotated under ${CLIENTS} clients: not one is refused (ROTATION_SEED=${SEED})`, async (t) => {
  const account = await newAccount(vault);
  const { credential, client_secret } = await newLiveKey(vault, account);
  const clients = new Clients(client_secret);
  await vault.until(() => clients.answers.VALID >= CLIENTS); // what was used once can be rotated
  let secret = client_secret;
  for (let round = 0; round < 5; round++) {
    const answer = assertStatus(await rotate(account, credential, { grace_s: 3600 }), 200);
    await clients.change(answer.client_secret);
    const { rotation } = await usage(account, credential);
    assert.ok(rotation.previous.verifications >= CLIENTS, 'each client was late at least once');
    assert.equal((await verify(vault, secret)).code, 'VALID', 'before the deadline');
    secret = answer.client_secret;
  }
  await clients.stop();
  assert.deepEqual(Object.keys(clients.answers), ['VALID']);
  t.diagnostic(`${clients.answers.VALID} verifications`);
});

test('until nobody shows it: it drains under load, and the log says when', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret: old } = await newTestKey(account);
  const before = await show(account, credential);
  const clients = new Clients(old);
  const order = { grace_s: 6 * 86400, quiet_s: 120 };
  const { client_secret } = assertStatus(await rotate(account, credential, order), 200);
  for (let i = 0; i < 6; i++) {
    await clients.advance(60 * SECOND); // longer than quiet in all, and never quiet
    const { rotation } = await usage(account, credential);
    const seen = rotation.previous.verifications;
    await vault.until(async () =>
      (await usage(account, credential)).rotation.previous.verifications > seen + CLIENTS);
  }
  await clients.change(client_secret);
  await clients.stop();
  assert.deepEqual(Object.keys(clients.answers), ['VALID']);
  const now = await show(account, credential);
  assert.equal(now.expires_at, before.expires_at, 'a rotation moves no expiry');
  assert.equal(now.grace_quiet_s, 120);

  await vault.advance(121 * SECOND);
  const drained = await vault.until(async () =>
    (await auditOf(vault, { object: credential.id, action: 'credential.drained' }))[0]);
  assert.equal(drained.actor, null);
  assert.equal((await verify(vault, old)).code, 'NOT_FOUND');
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  const { rotation } = await usage(account, credential);
  assert.ok(Date.parse(rotation.grace_until) < Date.parse(now.grace_until));
  assert.equal(rotation.quiet_s, 120);
});

test('the deadline ends it, however busy it is', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret: old } = await newTestKey(account);
  assertStatus(await rotate(account, credential, { grace_s: 600, quiet_s: 60 }), 200);
  for (let i = 0; i < 9; i++) {
    await vault.advance(59 * SECOND);
    assert.equal((await verify(vault, old)).code, 'VALID', `after ${i + 1} minutes`);
  }
  await vault.advance(70 * SECOND);
  assert.equal((await verify(vault, old)).code, 'NOT_FOUND');
});

test('what cannot be is refused, and says what could', async () => {
  const account = await newAccount(vault);
  const { credential, client_secret } = await newTestKey(account);
  const refused = async (order, status, code, pointer) => {
    const problem = assertProblem(await rotate(account, credential, order), status, code);
    assert.equal(problem.errors[0].pointer, pointer);
  };
  await refused({ quiet_s: 59 }, 400, 'invalid_body', '/quiet_s');
  await refused({ quiet_s: 60, grace_s: 60 }, 422, 'policy_refused', '/quiet_s');
  await refused({ quiet_s: 60, grace_s: 0 }, 422, 'policy_refused', '/quiet_s');
  await refused({ quiet_s: 86400 }, 422, 'policy_refused', '/quiet_s');
  await refused({ grace_s: 7 * 86400 + 1 }, 422, 'policy_refused', '/grace_s');
  assert.equal((await usage(account, credential)).rotation, null);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assertStatus(await rotate(account, credential, { quiet_s: 60, grace_s: 61 }), 200);
});
