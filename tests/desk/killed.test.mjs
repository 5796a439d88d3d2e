// The program is killed in the middle of the last approval, and in the middle of a sweep, again and
// again: what it was doing comes out as done or as not done, never between. Afterwards states,
// credentials, the audit log, the places in the account's limit and what is due agree, and going on
// completes it.
//
// DESK_KILLS is how often each at least, DESK_SEED repeats the moments as far as a machine can. How
// long what is killed takes is not known beforehand and differs from machine to machine and hour to
// hour; so the moments follow what is seen of it, and as long as too few of them fell on one side
// of a commit, more are added.
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertProblem, assertStatus, together } from '../api/lib/caller.mjs';
import { countersign } from '../api/lib/cli.mjs';
import { decide, fetchClaim, newAccount, newClaim, newRequest, verify } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';
import { seeded } from '../fault/lib/random.mjs';
import { Rows } from '../fault/lib/rows.mjs';

const ROUNDS = Number(process.env.DESK_KILLS ?? 100);
const SEED = Number(process.env.DESK_SEED ?? Date.now() % 2 ** 31);
const ROUNDS_MAX = 4 * ROUNDS;
const CHAIN_EVERY = 5; // rounds between two checks of the whole audit log
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const random = seeded(SEED);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** As often as is wanted, and on until `enough` was seen; resolves to how often it was. */
async function repeat(act, enough) {
  let times = 0;
  for (; times < ROUNDS || (!enough() && times < ROUNDS_MAX); times++) await act();
  assert.ok(enough(), `killed ${times} times, and too rarely in the midst of it`);
  return times;
}

/** The handle of an id, as it stands in keys: the first eight of its sixteen bytes, as hex. */
function handleOf(id) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const value = [...id.split('_')[1]].reduce((sum, c) => sum * 32n + BigInt(digits.indexOf(c)), 0n);
  return value.toString(16).padStart(32, '0').slice(0, 16);
}

/** When a kill came, and what becomes of the time that the next one waits. */
const MOMENTS = { before: 1.15, within: 1, after: 1 / 1.15 };

/** A vault that is killed while it does something, and looked at from outside before it goes on. */
class Killed {
  #t;
  #rows;
  #halfway = 0; // ms since it began, as far as is known
  hits = { before: 0, within: 0, after: 0 };
  due; // handles of what is due at some time, as the data file has it
  #round = 0;

  static async start(t, policy) {
    const killed = new Killed();
    killed.#t = t;
    killed.vault = await startVault(t, { policy: await writePolicy(t, policy), testClock: true,
      logLevel: 'warn' });
    killed.#rows = new Rows(killed.vault);
    return killed;
  }

  /** Begins what `act` does, and kills about when it is halfway; resolves to what it gave. */
  async during(act) {
    const began = performance.now();
    const acting = act();
    if (this.#halfway > 0) await sleep(this.#halfway * (0.5 + random()));
    else await acting;
    this.#halfway ||= (performance.now() - began) / 2;
    await this.vault.kill();
    const result = await acting;
    await this.#lookInside();
    await this.vault.start();
    return result;
  }

  /** What the last kill hit, of MOMENTS, is told here, so that the next ones come nearer. */
  aim(hit) {
    this.#halfway *= MOMENTS[hit];
    this.hits[hit]++;
  }

  async #lookInside() {
    this.due = new Set((await this.#rows.list('due')).map(({ key }) => key.slice(18)));
    if (this.#round++ % CHAIN_EVERY === 0) await this.checkChain();
  }

  /** Of a vault that does not run. */
  async checkChain() {
    const log = await countersign(this.#t,
      ['audit', 'verify', '--data', this.vault.data, '--allow-unlocked-memory']);
    assert.equal(log.status, 0, `${log.stdout}${log.stderr}`);
  }

  isDue(id) {
    return this.due.has(handleOf(id));
  }
}

/** What the audit log says of an account, action by action, since the last reading. */
class Log {
  #vault;
  #account;
  #last = -1;

  constructor(vault, account) {
    this.#vault = vault;
    this.#account = account;
  }

  /** How often each action was told of each object: a Map of "action object" to a number. */
  async read() {
    const told = new Map();
    let newest = this.#last;
    for (let cursor = ''; cursor !== null;) {
      const query = `limit=100&account_id=${this.#account.id}${cursor && `&cursor=${cursor}`}`;
      const page = assertStatus(await this.#vault.as('auditor').get(`/v1/audit?${query}`), 200);
      const fresh = page.items.filter(({ index }) => index > this.#last);
      for (const { action, object, index } of fresh) {
        told.set(`${action} ${object}`, (told.get(`${action} ${object}`) ?? 0) + 1);
        newest = Math.max(newest, index);
      }
      cursor = fresh.length === page.items.length ? page.next_cursor : null;
    }
    this.#last = newest;
    return told;
  }
}

const show = async (vault, kind, id) =>
  assertStatus(await vault.as('auditor').get(`/v1/${kind}/${id}`), 200);

/* The last approval. */

const PLACES = 6;

/** Requests that lack one approval, one more of them than the account has places for. */
async function almostApproved(vault, account) {
  return together(PLACES + 1, async () => {
    const request = await newRequest(account, { scopes: ['orders.write'] });
    const answer = await decide(vault.as('reviewer'), request, 'approve');
    return assertStatus(answer, 201).request;
  });
}

const lastApproval = (vault, { id, digest }) =>
  vault.as('reviewer2').post(`/v1/requests/${id}/decisions`, { decision: 'approve', digest });

/** Wholly approved, or as it was; resolves to which. */
async function checkApproval(killed, told, { id }) {
  const now = await show(killed.vault, 'requests', id);
  const counting = now.decisions.filter(({ counts }) => counts).length;
  const created = told.get(`credential.created ${now.credential_id}`) ?? 0;
  const approved = told.get(`request.approved ${id}`) ?? 0;
  if (now.state === 'pending') {
    assert.deepEqual([counting, approved, now.credential_id, now.grant_id], [1, 0, null, null]);
    return false;
  }
  const credential = await show(killed.vault, 'credentials', now.credential_id);
  assert.deepEqual([now.state, counting, approved, created, credential.status],
    ['approved', 2, 1, 1, 'pending_delivery']);
  assert.ok(killed.isDue(now.grant_id), 'the end of the grant is due');
  return true;
}

/** Everything that was approved works, can be taken back, and gives its place back. */
async function finish(vault, account, requests, over) {
  const { claim } = await newClaim(account, requests[Math.floor(random() * PLACES)]);
  const { client_secret } = assertStatus(await fetchClaim(vault, claim), 200);
  assert.equal((await verify(vault, client_secret)).code, 'VALID');
  assertProblem(await lastApproval(vault, over), 409, 'limit_reached');
  await together(PLACES, async (index) => {
    const { grant_id } = await show(vault, 'requests', requests[index].id);
    assertStatus(await vault.as('reviewer').post(`/v1/grants/${grant_id}/withdraw`), 200);
  });
  assertStatus(await decide(vault.as('reviewer'), over, 'reject'), 201);
}

/** One kill; resolves to how many approvals were done, and how many of these without an answer. */
async function killApprovals(killed) {
  const { vault } = killed;
  const account = await newAccount(vault);
  const log = new Log(vault, account);
  const [over, ...requests] = await almostApproved(vault, account);
  await log.read();
  const answers = await killed.during(() => Promise.all(requests.map((request) =>
    lastApproval(vault, request).catch(() => null))));
  const told = await log.read();
  const seen = { done: 0, unanswered: 0 };
  for (const [index, request] of requests.entries()) {
    const done = await checkApproval(killed, told, request);
    if (answers[index]) assert.deepEqual([answers[index].status, done], [201, true]);
    else seen.unanswered += done ? 1 : 0;
    seen.done += done ? 1 : 0;
    if (!done) assertStatus(await lastApproval(vault, request), 201);
  }
  await finish(vault, account, requests, over);
  const answered = seen.done - seen.unanswered;
  killed.aim(seen.done === 0 ? 'before' : answered === PLACES ? 'after' : 'within');
  return seen;
}

test(`killed in the last approval, ${ROUNDS} times (DESK_SEED=${SEED})`, async (t) => {
  const killed = await Killed.start(t, { live: { max_active: PLACES } });
  const count = { done: 0, undone: 0, unanswered: 0 };
  const rounds = await repeat(async () => {
    const { done, unanswered } = await killApprovals(killed);
    count.done += done;
    count.undone += PLACES - done;
    count.unanswered += unanswered;
  }, () => count.unanswered > ROUNDS / 10 && count.undone > ROUNDS / 2);
  await killed.vault.kill();
  await killed.checkChain();
  t.diagnostic(`killed ${rounds} times: ${count.done} approvals were done, ` +
    `${count.unanswered} of them without an answer; ${count.undone} were not`);
});

/* The sweep. */

const OPEN = 80; // requests that expire: with what follows, more than one page of the sweeper
const HELD = 12; // credentials that expire, grants that end unclaimed: as many of each
const LIFE = 20 * HOUR;

async function approved(vault, account, members) {
  const request = await newRequest(account, members);
  return assertStatus(await decide(vault.as('reviewer'), request, 'approve'), 201).request;
}

/** Things that end within a day: [{id, kind, before, after, action}]. */
async function thingsThatEnd(vault, account) {
  const open = await together(OPEN, () => newRequest(account));
  const unclaimed = await together(HELD, () => approved(vault, account));
  const ending = await together(HELD, async () => {
    const request = await approved(vault, account, { expires_in_s: LIFE / 1000 });
    const { claim } = await newClaim(account, request);
    assertStatus(await fetchClaim(vault, claim), 200);
    return request;
  });
  const thing = (kind, before, after, action) => (id) => ({ id, kind, before, after, action });
  return [
    ...open.map(({ id }) => id).map(thing('requests', 'pending', 'expired', 'request.expired')),
    ...unclaimed.map(({ credential_id }) => credential_id)
      .map(thing('credentials', 'pending_delivery', 'revoked', 'credential.revoked')),
    ...ending.map(({ credential_id }) => credential_id)
      .map(thing('credentials', 'delivered', 'expired', 'credential.expired')),
  ].map((one, index) => ({ ...one, due: one.id, ...(index >= OPEN && index < OPEN + HELD &&
    { due: unclaimed[index - OPEN].grant_id }) }));
}

/** Ended, or as it was; resolves to which. `told` has everything that the log says of it. */
async function checkEnd(killed, told, { id, kind, before, after, action, due }) {
  const { state, status } = await show(killed.vault, kind, id);
  const done = (state ?? status) === after;
  const times = told.get(`${action} ${id}`) ?? 0;
  assert.deepEqual([state ?? status, times, killed.isDue(due)],
    done ? [after, 1, false] : [before, 0, true], id);
  return done;
}

/** Whatever the kill left is swept: each thing has ended, and that was told once. */
async function checkAllEnded(vault, things, ...logs) {
  for (const { id, kind, after, action } of things) {
    const { state, status } = await show(vault, kind, id);
    const times = logs.reduce((sum, told) => sum + (told.get(`${action} ${id}`) ?? 0), 0);
    assert.deepEqual([state ?? status, times], [after, 1], id);
  }
}

/** One kill. */
async function killSweep(killed, turned) {
  const { vault } = killed;
  const account = await newAccount(vault);
  const log = new Log(vault, account);
  const things = await thingsThatEnd(vault, account);
  const over = await newRequest(account);
  assertProblem(await decide(vault.as('reviewer'), over, 'approve'), 409, 'limit_reached');
  await log.read();
  await killed.during(() => vault.turn({ advance_ms: DAY, sweep: true }).catch(() => null));
  const told = await log.read();
  const done = (await Promise.all(things.map((one) => checkEnd(killed, told, one))))
    .filter(Boolean).length;
  await vault.turn({ advance_ms: turned, sweep: true });
  await checkAllEnded(vault, things, told, await log.read());
  killed.aim(done === 0 ? 'before' : done === things.length ? 'after' : 'within');
}

test(`killed in the sweep, ${ROUNDS} times (DESK_SEED=${SEED})`, async (t) => {
  const killed = await Killed.start(t, { rules: [{ name: 'one', approvals: 1 }], live: {
    max_active: 2 * HELD, request_expires_after: '1d', grant_expires_after: '1d',
    claim_expires_after: '1d' } });
  let turned = 0; // a clock that was turned runs right again in the next process
  const rounds = await repeat(() => killSweep(killed, (turned += DAY)),
    () => killed.hits.within > ROUNDS / 20);
  await killed.vault.kill();
  await killed.checkChain();
  const { before, within, after } = killed.hits;
  t.diagnostic(`of ${rounds} sweeps ${before} had not begun, ${within} were halfway, ` +
    `${after} were over`);
});
