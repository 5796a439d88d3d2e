// One case, played: its steps against the vault, what stands after each of them, and in the end
// what the audit log holds. tests/data/desk/README.md describes the form.
import assert from 'node:assert/strict';
import { assertProblem } from '../../api/lib/caller.mjs';
import { actions } from './actions.mjs';

/** The status of each refusal, as the contract has it. */
const STATUS = {
  invalid_body: 400, unauthenticated: 401, forbidden: 403, self_approval: 403, not_in_group: 403,
  separation_of_duties: 403, not_found: 404,
  conflict: 409, limit_reached: 409, already_decided: 409, already_claimed: 410,
  claim_expired: 410, claim_void: 410, stale: 412, approval_required: 422, unknown_scope: 422,
  unknown_bundle: 422, policy_refused: 422, account_suspended: 422,
};

const seconds = (from, to) => (to === null ? 0 : (Date.parse(to) - Date.parse(from)) / 1000);

/** What a step may say of how things stand after it: by name, what it is compared with. */
const stands = {
  state: ({ request }) => request.state,
  needed: ({ request }) => request.rule.approvals_needed,
  approvals: ({ request }) => request.decisions.filter(({ counts }) => counts).length,
  rule: ({ request }) => request.rule.name,
  scopes: ({ request }) => request.scopes,
  bundle: ({ request }) => request.bundle ?? '',
  decisions: ({ request }) => request.decisions.length,
  messages: ({ request }) => request.thread.length,
  missing: ({ request }) => request.rule.approvals_missing,
  wanted: ({ request }) => request.rule.wanted ?? '',
  fills: ({ request }) => request.decisions.map(({ fills }) => fills),
  gains: ({ request }) => request.gains,
  keeps: ({ request }) => request.keeps,
  left_out: ({ request }) => request.left_out,
  told: ({ request }) => request.thread.at(-1).text,
  frozen: ({ request }) => request.frozen,
  limits: ({ request: { limits } }) =>
    [limits.expires_in_s, limits.rate_limit, limits.rate_window_s, limits.rate_burst],
  request: ({ request }) => request,
  credential: ({ shown }) => shown?.status ?? null,
  credential_scopes: ({ shown }) => shown.scopes,
  life_s: ({ shown }) => seconds(shown.created_at, shown.expires_at),
  shown: ({ shown }) => shown,
  verdict: ({ verdict }) => verdict,
  sealed: ({ sealed }) => sealed,
  listed: ({ listed }) => listed,
  answer: ({ answer }) => answer.body,
  reloaded: ({ reloaded }) => reloaded,
};
const ABOUT = ['as', 'fault', 'http_fault', 'pointer', 'detail', 'why', 'is', 'of'];
const INSIDE = ['swept', 'rate']; // what no answer shows; the unit tests look at it

/** `want` is in `got`: members that it does not name may be anything; a list is all of it. */
function assertWithin(got, want, where) {
  if (Array.isArray(want)) {
    assert.equal(got?.length, want.length, `${where}: ${JSON.stringify(got)}`);
    return want.forEach((one, index) => assertWithin(got[index], one, `${where}[${index}]`));
  }
  if (want === null || typeof want !== 'object') return assert.equal(got, want, where);
  assert.ok(got !== null && typeof got === 'object', `${where}: ${got}`);
  for (const [name, one] of Object.entries(want)) assertWithin(got[name], one, `${where}.${name}`);
  return undefined;
}

export class Story {
  labels = {}; // what steps gave a name to: requests, claims, pairs
  #requests = {};
  #people;

  constructor(world) {
    this.world = world;
    this.vault = world.vault;
  }

  get people() {
    return this.#people;
  }
  get accounts() {
    return this.#people.accounts;
  }

  async play({ steps, log, telling, policy, people, tags }) {
    this.#people = await this.world.people(people, tags);
    const taken = await this.world.reload(policy, this.accounts);
    assert.ok(taken, `the policy is wrong:\n${this.vault.log.slice(-500)}`);
    for (const [index, step] of steps.entries())
      await this.#step(step).catch((error) => {
        error.message = `step ${index + 1} ${JSON.stringify(step)}: ${error.message}`;
        throw error;
      });
    assert.ok(log || !telling, 'a case tells what the log holds in the end');
    if (log) await this.#checkLog(log, telling);
  }

  /** The request as it is now, as an answer: seen by an auditor. */
  look() {
    return this.vault.as('auditor').get(`/v1/requests/${this.request.id}`);
  }

  async #caller(name) {
    if (name === undefined) return this.vault.as('admin');
    return name === 'gateway' ? this.vault.as(name) : (await this.#people.find(name)).caller;
  }

  async #step(step) {
    const names = Object.keys(step).filter((name) => name in actions);
    for (const name of Object.keys(step))
      assert.ok(name in actions || name in stands || ABOUT.includes(name) || INSIDE.includes(name),
        `unknown member: ${name}`);
    assert.equal(names.length, 1, 'a step has one action');
    if (step.of) this.request = this.#requests[step.of] ?? assert.fail(`no request: ${step.of}`);
    this.actor = step.as;
    this.answer = await actions[names[0]](this, await this.#caller(step.as), step[names[0]]);
    this.#checkAnswer(step);
    await this.#stand();
    if (step.is) this.#name(step.is);
    for (const name of Object.keys(step).filter((one) => one in stands))
      assertWithin(stands[name](this), step[name], name);
  }

  #name(label) {
    this.#requests[label] = this.request;
    this.labels[label] ??= this.credential;
  }

  #checkAnswer({ http_fault, fault = '', pointer, detail }) {
    const code = http_fault ?? fault;
    if (code === '') {
      if (this.answer) assert.ok(this.answer.status < 300, this.answer.text);
      return;
    }
    assert.ok(code in STATUS, `no status is known for ${code}`);
    const problem = assertProblem(this.answer, STATUS[code], code);
    if (pointer) assert.equal(problem.errors?.[0].pointer, pointer);
    if (detail) assert.match(problem.detail ?? '', new RegExp(detail));
  }

  /** Reads what stands now: the request that the story is about, and its or the widened key. */
  async #stand() {
    this.shown = undefined;
    if (!this.request) return;
    const { status, body, text } = await this.look();
    assert.equal(status, 200, text);
    this.request = body;
    if (!body.credential_id && !body.widens) return;
    this.credential = body.credential_id ?? body.widens;
    this.shown = (await this.vault.as('auditor').get(`/v1/credentials/${this.credential}`)).body;
  }

  /** What the log holds of Acme, oldest first, but for its making. */
  async #log() {
    const { id } = this.accounts.acme;
    const entries = [];
    for (let cursor = ''; cursor !== null;) {
      const path = `/v1/audit?limit=100&account_id=${id}${cursor && `&cursor=${cursor}`}`;
      const { body } = await this.vault.as('auditor').get(path);
      entries.push(...body.items);
      cursor = entries.at(-1)?.action === 'account.created' ? null : body.next_cursor;
    }
    return entries.reverse().slice(1);
  }

  /**
   * The log of Acme is these entries, in this order, and no other; where it is not `telling`, what
   * the server does by itself may come, at any place.
   */
  async #checkLog(log, telling) {
    let got = await this.#log();
    const want = log.map((one) => (typeof one === 'string' ? { entry: one } : one));
    if (!telling) {
      const own = got.filter(({ actor_kind }) => actor_kind === 'system');
      for (const { action } of own) {
        const at = want.findIndex(({ entry }) => entry === action);
        if (at >= 0) want.splice(at, 1);
      }
      got = got.filter((entry) => !own.includes(entry));
    }
    const lines = want.map(({ entry }) => entry);
    const told = await Promise.all(got.map(async ({ actor, actor_kind, action }, index) =>
      (lines[index]?.includes(' ') ?? true
        ? `${(await this.#people.nameOf(actor)) ?? actor_kind} ${action}` : action)));
    assert.deepEqual(told, lines);
    want.forEach(({ detail }, index) =>
      detail && assertWithin(JSON.parse(got[index].detail), detail, lines[index]));
  }
}
