// The program is killed while many write, again and again on the same folder. What was acknowledged
// is there afterwards; what was not is wholly there or not at all; the audit log tells of exactly
// what is there, and its chain holds; and no place in an account's limit is lost or won.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';
import { assertStatus, together } from '../api/lib/caller.mjs';
import { countersign } from '../api/lib/cli.mjs';
import { newAccount } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';
import { seeded } from './lib/random.mjs';
import { Wire } from './lib/wire.mjs';
import { Writer } from './lib/writers.mjs';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 200);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 2 ** 31);
const ACCOUNTS = 3;
const WRITERS = 4; // for each account
const PLACES = 8; // fewer than its writers want
const LIFE = 20; // rounds that accounts are used for: then new ones take over

const random = seeded(SEED);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything that the audit log has said so far, by account. */
class AuditLog {
  #vault;
  #seen = -1; // index of the last entry that was read
  #entries = new Map();

  constructor(vault) {
    this.#vault = vault;
  }

  of({ id }) {
    return this.#entries.get(id) ?? [];
  }

  /** Reads what has been added since the last time. */
  async read() {
    const auditor = this.#vault.as('auditor');
    let newest = this.#seen;
    for (let cursor = ''; cursor !== null;) {
      const path = `/v1/audit?limit=100${cursor && `&cursor=${cursor}`}`;
      const page = assertStatus(await auditor.get(path), 200);
      newest = Math.max(newest, page.items[0].index);
      const fresh = page.items.filter(({ index }) => index > this.#seen);
      for (const entry of fresh)
        this.#entries.set(entry.account, [...this.of({ id: entry.account }), entry]);
      cursor = fresh.length === page.items.length ? page.next_cursor : null;
    }
    this.#seen = newest;
  }
}

/** Accounts and their writers. */
class Generation {
  #vault;
  #accounts;
  #log;
  #places = new Map(); // account -> ids of the credentials that its places were counted with

  static async make(vault, log) {
    const accounts = await together(ACCOUNTS, () => newAccount(vault));
    return new Generation(vault, log, accounts);
  }

  constructor(vault, log, accounts) {
    this.#vault = vault;
    this.#log = log;
    this.#accounts = accounts;
    this.writers = accounts.flatMap((account) =>
      Array.from({ length: WRITERS }, () => new Writer(vault, account, random)));
  }

  /** Everybody acts until the vault is gone. */
  write() {
    return Promise.all(this.writers.map((writer) => writer.write()));
  }

  /** How many calls that got no answer were done, and how many were not. */
  get unanswered() {
    const sum = (what) => this.writers.reduce((total, one) => total + one.unanswered[what], 0);
    return { done: sum('done'), undone: sum('undone') };
  }

  async check(options) {
    await Promise.all(this.writers.map((writer) => writer.settle()));
    await Promise.all(this.writers.map((writer) => writer.check(options)));
    await this.#log.read();
    await Promise.all(this.#accounts.map((account) => this.#checkAccount(account)));
    await this.#checkPlaces(this.#accounts[Math.floor(random() * ACCOUNTS)]);
  }

  /** Everything that the account has, by the interface. */
  async #listed({ token }, path) {
    const items = [];
    for (let cursor = ''; cursor !== null;) {
      const query = `limit=100${cursor && `&cursor=${cursor}`}`;
      const page = assertStatus(await this.#vault.with(token).get(`${path}?${query}`), 200);
      items.push(...page.items);
      cursor = page.next_cursor;
    }
    return items;
  }

  /** The account has what its writers know of, and the log tells of that and nothing else. */
  async #checkAccount(account) {
    const writers = this.writers.filter((writer) => writer.account === account);
    const keys = writers.flatMap((writer) => writer.keys);
    const requests = writers.flatMap((writer) => writer.requests);
    const approved = requests.filter(({ state }) => state === 'approved');
    const there = await this.#listed(account, '/v1/credentials');
    const status = { VALID: 'active', DISABLED: 'disabled', REVOKED: 'revoked' };
    const sorted = (list) => list.slice().sort();
    assert.deepEqual(
      sorted(there.filter(({ mode }) => mode === 'test').map((one) => `${one.id} ${one.status}`)),
      sorted([...keys.map(({ id, code }) => `${id} ${status[code]}`),
        ...this.#tried(account).map((id) => `${id} revoked`)]));
    assert.deepEqual(sorted(there.filter(({ mode }) => mode === 'live').map(({ id }) => id)),
      sorted(approved.map(({ credential_id }) => credential_id)));
    const asked = await this.#listed(account, '/v1/requests');
    assert.deepEqual(sorted(asked.map(({ id, state }) => `${id} ${state}`)),
      sorted(requests.map(({ id, state }) => `${id} ${state}`)));

    const told = (action) => this.#log.of(account).filter((one) => one.action === action);
    const objects = (action) => sorted(told(action).map(({ object }) => object));
    assert.deepEqual(objects('credential.created'), sorted(there.map(({ id }) => id)));
    assert.deepEqual(objects('credential.revoked'),
      sorted(there.filter((one) => one.status === 'revoked').map(({ id }) => id)));
    assert.deepEqual(objects('request.created'), sorted(requests.map(({ id }) => id)));
    assert.deepEqual(objects('request.approved'), sorted(approved.map(({ id }) => id)));
    const sum = (list, name) => list.reduce((total, one) => total + one[name], 0);
    assert.equal(told('credential.rotated').length, sum(keys, 'rotations'));
    assert.equal(told('claim.used').length, sum(requests, 'fetches'));
    assert.equal(told('request.approved').length + told('request.decided').length,
      sum(requests, 'approvals'));
  }

  #tried({ id }) {
    return this.#places.get(id) ?? [];
  }

  /** As many keys can be made as places are free; they are revoked again. */
  async #checkPlaces(account) {
    const developer = this.#vault.with(account.token);
    const writers = this.writers.filter((writer) => writer.account === account);
    const keys = writers.flatMap((writer) => writer.keys);
    const held = keys.filter(({ code }) => code !== 'REVOKED').length;
    const order = { account_id: account.id, mode: 'test', name: 'place', scopes: ['orders.read'] };
    const answers = await together(PLACES + 1, () => developer.post('/v1/credentials', order));
    const made = answers.filter(({ status }) => status === 201)
      .map(({ body }) => body.credential.id);
    assert.equal(made.length, PLACES - held, `${held} of ${PLACES} places are held`);
    this.#places.set(account.id, [...this.#tried(account), ...made]);
    await Promise.all(made.map(async (id) =>
      assertStatus(await developer.post(`/v1/credentials/${id}/revoke`), 200)));
  }
}

/** Stands still in all of its threads, as a signal was told to make it. */
async function stopped(pid) {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((id) =>
    readFile(`/proc/${pid}/task/${id}/status`, 'utf8').catch(() => 'State:\tX')));
  return states.every((text) => /^State:\t[TX]/m.test(text));
}

/** The writers' vault lies behind a wire until it is killed. */
async function cutOff(vault, generation, watch) {
  const wire = new Wire(vault, vault.url);
  const all = new Promise((resolve) => watch(wire, resolve));
  vault.url = await wire.listen();
  const writing = generation.write();
  await all;
  await vault.kill();
  await writing;
  wire.close();
}

/*
 * How a round ends. Each resolves to what became of the calls that got no answer, as far as that is
 * certain.
 */

/** At some moment. */
async function atRandom(vault, generation) {
  const writing = generation.write();
  await sleep(5 + random() * 100);
  await vault.kill();
  await writing;
  return {};
}

/** Everybody has sent a call, and the vault has read none. */
async function unread(vault, generation) {
  vault.signal('SIGSTOP');
  await vault.until(() => stopped(vault.pid));
  let sent = 0;
  await cutOff(vault, generation, (wire, resolve) => {
    wire.onRequest = (bytes) => {
      if (!/^[A-Z]+ \/v1\//.test(bytes.toString('latin1'))) return;
      if (++sent === generation.writers.length) resolve();
    };
  });
  return { undone: sent, done: 0 };
}

/** Everybody's call was carried out, and the answer that says so was lost. */
async function unanswered(vault, generation) {
  let lost = 0;
  await cutOff(vault, generation, (wire, resolve) => {
    wire.onAnswer = (bytes, pass) => {
      if (!bytes.toString('latin1').startsWith('HTTP/1.1 2')) pass(bytes);
      else if (++lost === generation.writers.length) resolve();
    };
  });
  return { undone: 0, done: lost };
}

const cuts = [atRandom, unread, atRandom, unanswered];

/** Killed once more on its way up, now and then; then it has to come up. */
async function startAgain(vault) {
  if (random() < 0.25) {
    const starting = vault.start().catch(() => {});
    await sleep(random() * 40);
    await vault.kill();
    await starting;
  }
  await vault.start();
}

test(`killed ${ROUNDS} times while many write (FAULT_SEED=${SEED})`, async (t) => {
  const policy = await writePolicy(t, { test: { max_active: PLACES } });
  const vault = await startVault(t, { policy, logLevel: 'warn' });
  const verifyLog = ['audit', 'verify', '--data', vault.data, '--allow-unlocked-memory'];
  const auditLog = new AuditLog(vault);
  const generations = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round % LIFE === 0) generations.push(await Generation.make(vault, auditLog));
    const generation = generations[generations.length - 1];
    const before = generation.unanswered;
    const certain = await cuts[round % cuts.length](vault, generation);
    const log = await countersign(t, verifyLog);
    assert.equal(log.status, 0, `round ${round}: ${log.stdout}${log.stderr}`);
    await startAgain(vault);
    await generation.check();
    for (const [what, count] of Object.entries(certain))
      assert.equal(generation.unanswered[what] - before[what], count, `${what} in round ${round}`);
  }
  for (const generation of generations) await generation.check({ all: true });
  const total = (count) => generations.reduce((sum, one) => sum + count(one), 0);
  const done = total(({ unanswered }) => unanswered.done);
  const undone = total(({ unanswered }) => unanswered.undone);
  const made = (what) => total(({ writers }) => writers.flatMap((one) => one[what]).length);
  t.diagnostic(`${made('keys')} keys, ${made('requests')} requests; of ${done + undone} calls ` +
    `without an answer ${done} were done`);
});
