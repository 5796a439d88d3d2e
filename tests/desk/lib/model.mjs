// A small model of the desk, written from the contract and not from the program: what one account's
// requests, credentials and claims are, and what each operation makes of them. It knows no server,
// no randomness and no clock but the one it is given, so it can be copied and asked "what if".
//
// An operation is data, {op, as, …}; perform() answers the code that the server has to answer
// ("" for success) and adds to `log` what the audit log has to say of it.
import { filled, POLICIES } from './policies.mjs';

const DECISIONS_MAX = 16;
const THREAD_MAX = 12;
export const LIVE = ['pending_delivery', 'delivered', 'active', 'disabled', 'quarantined'];

/** The shorter of two lives in seconds, where 0 is no end. */
const shorter = (one, other) => (one && other ? Math.min(one, other) : one + other);
const within = (part, whole) => part.every((one) => whole.includes(one));

/** What all accounts share: time, the policy of the moment, and the people by name. */
export class Surroundings {
  constructor(people) {
    this.now = 0;
    this.policy = 0;
    this.people = people; // name -> {roles, groups, members: develops for the account}
  }
}

export class Model {
  requests = {}; // key -> request
  credentials = {}; // key -> credential; that of a request has its key
  claims = {}; // key -> claim
  suspended = false;
  log = []; // [actor, action]
  #around;

  constructor(around) {
    this.#around = around;
  }

  copy() {
    const copy = new Model(this.#around);
    const { requests, credentials, claims, suspended, log } = this;
    return Object.assign(copy, structuredClone({ requests, credentials, claims, suspended, log }));
  }

  get #policy() {
    return POLICIES[this.#around.policy];
  }
  get #now() {
    return this.#around.now;
  }
  #person(name) {
    return this.#around.people[name];
  }

  /** What the policy of the moment makes of an open request. */
  judge(request) {
    const widened = request.widens && this.credentials[request.widens];
    const over = widened && !LIVE.includes(widened.status);
    const gains = !widened || !within(request.scopes, widened.scopes);
    const undecidable = over || !gains;
    const found = undecidable
      ? { name: '', approvals: Infinity }
      : this.#policy.rules.find(({ holds }) => holds(request.scopes));
    const bound = [request.name, request.scopes, request.lifeS, { ...found, holds: undefined },
      this.#lifeS(request, found), widened ? widened.scopes : []];
    const digest = JSON.stringify(bound);
    const counts = request.decisions.map((decision, index) =>
      decision.kind === 'approve' && decision.digest === digest &&
      !request.decisions.slice(index + 1).some(({ by }) => by === decision.by) &&
      (decision.by === null
        ? found.approvals === 0 : this.#bar(request, found, decision.by) === ''));
    const voters = request.decisions.filter((one, index) => counts[index] && one.by !== null)
      .map(({ by }) => this.#person(by));
    const missing = found.approvals === Infinity ? Infinity
      : found.approvals - filled(found, voters);
    return { rule: found, undecidable, digest, counts, voters, missing };
  }

  #lifeS(request, { withinS = 0 }) {
    return request.widens ? withinS : shorter(request.lifeS, withinS);
  }

  /** What speaks against somebody's approval: a code, or "". */
  #bar(request, found, name) {
    const { self, members = true, notGroups = [], groups } = found;
    const person = this.#person(name);
    if (!person.roles.includes('reviewer')) return 'forbidden';
    if (request.by === name && !self) return 'self_approval';
    if (!members && person.members) return 'separation_of_duties';
    if (person.groups.some((one) => notGroups.includes(one))) return 'separation_of_duties';
    const asked = !groups || person.groups.some((one) => groups.includes(one));
    return asked || this.#standsIn(request, found, person) ? '' : 'not_in_group';
  }

  /** From the rule's hour on some others may approve as well; places of groups stay with these. */
  #standsIn({ filed }, { escalate }, { groups }) {
    return escalate !== undefined && this.#now >= filed + escalate.afterMs &&
      groups.some((one) => escalate.to.includes(one));
  }

  isOpen({ state }) {
    return state === 'pending' || state === 'needs_info';
  }

  /** How many of the account's places are taken. */
  get taken() {
    return Object.values(this.credentials).filter(({ status }) => LIVE.includes(status)).length;
  }

  /** What the gateway is told of a secret; `mode` is the one it asks about. */
  verdict(secret, mode = 'live') {
    const credential = Object.values(this.credentials).find((one) => one.secret === secret);
    if (!credential) return 'NOT_FOUND';
    const told = {
      revoked: 'REVOKED', expired: 'EXPIRED', disabled: 'DISABLED', quarantined: 'QUARANTINED',
    }[credential.status];
    const order = ['REVOKED', 'EXPIRED', 'DISABLED', 'WRONG_MODE', 'SUSPENDED', 'QUARANTINED'];
    const all = [told, mode === 'live' ? undefined : 'WRONG_MODE',
      this.suspended ? 'SUSPENDED' : undefined];
    return order.find((one) => all.includes(one)) ?? 'VALID';
  }

  /** Carries an operation out, or nothing of it; but a refused fetch leaves its trace. */
  perform(op) {
    const before = this.copy();
    const code = this.#operations[op.op](op) ?? '';
    if (code !== '' && op.op !== 'fetch') Object.assign(this, before);
    return code;
  }

  #tell(actor, ...actions) {
    for (const action of actions) this.log.push([actor, action]);
  }

  #operations = {
    file: (op) => this.#file(op),
    change: (op) => this.#change(op),
    reply: (op) => this.#reply(op),
    withdraw: (op) => this.#withdraw(op),
    approve: (op) => this.#approve(op),
    reject: (op) => this.#decide(op) ?? this.#rejected(op),
    ask: (op) => this.#decide(op) ?? this.#asked(op),
    claim: (op) => this.#claim(op),
    fetch: (op) => this.#fetch(op),
    acknowledge: (op) => this.#acknowledge(op),
    use: (op) => this.#use(op),
    rotate: (op) => this.#rotate(op),
    disable: (op) => this.#enable(op, 'active', 'disabled'),
    enable: (op) => this.#enable(op, 'disabled', 'active'),
    narrow: (op) => this.#narrow(op),
    revoke: (op) => this.#revoke(op),
    release: (op) => this.#release(op),
    withdraw_grant: (op) => this.#withdrawGrant(op),
    suspend: () => this.#suspend(true),
    resume: () => this.#suspend(false),
  };

  /* Requests, by their developers. */

  #file({ as, key, name, scopes, lifeS = 0, widens = null }) {
    if (this.suspended) return 'account_suspended';
    const request = { key, by: as, name, scopes: [...scopes].sort(), lifeS, widens,
      state: 'pending', decisions: [], thread: 0, filed: this.#now,
      expires: this.#now + this.#policy.requestMs };
    const refusal = this.#checkWidening(request) ?? this.#checkLife(request);
    if (refusal) return refusal;
    this.requests[key] = request;
    this.#tell(as, 'request.created');
    return this.#approveByPolicy(request, as);
  }

  #checkWidening({ widens, scopes }) {
    const widened = widens && this.credentials[widens];
    if (!widened) return undefined;
    const fits = LIVE.includes(widened.status) && !within(scopes, widened.scopes);
    return fits ? undefined : 'invalid_body';
  }

  #checkLife(request) {
    const { withinS } = this.judge(request).rule;
    return withinS && request.lifeS > withinS ? 'policy_refused' : undefined;
  }

  #approveByPolicy(request, as) {
    const { rule: found, digest } = this.judge(request);
    if (found.approvals !== 0 || request.decisions.length === DECISIONS_MAX) return undefined;
    request.decisions.push({ kind: 'approve', by: null, digest });
    return this.#settle(request, as);
  }

  /** The request of an operation that is its requester's alone, if it is open. */
  #own({ as, request: key }) {
    const request = this.requests[key];
    if (request.by !== as) return ['forbidden'];
    return this.isOpen(request) ? [undefined, request] : ['conflict'];
  }

  #change(op) {
    const [refusal, request] = this.#own(op);
    if (refusal) return refusal;
    if (this.suspended) return 'account_suspended';
    if (op.name) request.name = op.name;
    if (op.scopes) request.scopes = [...op.scopes].sort();
    const wrong = this.#checkWidening(request) ?? this.#checkLife(request);
    if (wrong) return wrong;
    this.#tell(op.as, 'request.changed');
    return this.#approveByPolicy(request, op.as);
  }

  #reply(op) {
    const [refusal, request] = this.#own(op);
    if (refusal) return refusal;
    if (this.suspended) return 'account_suspended';
    if (request.thread === THREAD_MAX) return 'conflict';
    request.thread++;
    request.state = 'pending';
    return this.#tell(op.as, 'request.replied');
  }

  #withdraw(op) {
    const [refusal, request] = this.#own(op);
    if (refusal) return refusal;
    request.state = 'withdrawn';
    return this.#tell(op.as, 'request.withdrawn');
  }

  /* Decisions. `digest`, where an operation has it, is the model's of what was seen. */

  #decide(op) {
    const request = this.requests[op.request];
    const approves = op.op === 'approve';
    if (!this.#person(op.as).roles.includes('reviewer')) return 'forbidden';
    if (!this.isOpen(request)) return 'conflict';
    if (request.state === 'needs_info' && op.op !== 'reject') return 'conflict';
    if (request.decisions.length + (op.op === 'reject' ? 0 : 1) >= DECISIONS_MAX) return 'conflict';
    if (this.suspended) return 'account_suspended';
    const { rule: found, digest } = this.judge(request);
    if (request.by === op.as && !(approves && found.self)) return 'self_approval';
    if (op.digest !== undefined && op.digest !== digest) return 'stale';
    if (!approves && !op.comment) return 'policy_refused';
    return undefined;
  }

  #rejected({ as, request: key }) {
    const request = this.requests[key];
    request.decisions.push({ kind: 'reject', by: as });
    request.state = 'rejected';
    return this.#tell(as, 'request.rejected');
  }

  #asked({ as, request: key }) {
    const request = this.requests[key];
    if (request.thread + 1 >= THREAD_MAX) return 'conflict';
    request.thread++;
    request.decisions.push({ kind: 'ask', by: as });
    request.state = 'needs_info';
    return this.#tell(as, 'request.asked');
  }

  #approve(op) {
    const refusal = this.#decide(op);
    if (refusal) return refusal;
    const request = this.requests[op.request];
    const seen = this.judge(request);
    if (op.scopes && !within(op.scopes, request.scopes)) return 'policy_refused';
    if (op.scopes) request.scopes = [...op.scopes].sort();
    if (op.lifeS && request.widens) return 'policy_refused';
    const lifeS = this.#lifeS(request, seen.rule);
    if (op.lifeS && lifeS && op.lifeS > lifeS) return 'policy_refused';
    if (op.lifeS && op.lifeS !== lifeS) request.lifeS = op.lifeS;
    return this.#approveAsIs(op, request, seen.digest);
  }

  #approveAsIs({ as, comment }, request, seen) {
    const { rule: found, undecidable, digest, counts, voters, missing } = this.judge(request);
    if (request.by === as && !found.self) return 'self_approval';
    if (request.decisions.some(({ by }, index) => by === as && counts[index]))
      return 'already_decided';
    const bar = this.#bar(request, found, as);
    if (bar) return bar;
    const fillsPlace = () =>
      found.approvals - filled(found, [...voters, this.#person(as)]) < missing;
    if (!undecidable && missing > 0 && !fillsPlace()) return 'not_in_group';
    if (found.comment && !comment) return 'policy_refused';
    if (undecidable) return 'conflict';
    if (digest !== seen && request.thread === THREAD_MAX) return 'conflict';
    if (digest !== seen) {
      request.thread++;
      this.#tell(as, 'request.narrowed');
    }
    request.decisions.push({ kind: 'approve', by: as, digest });
    if (this.judge(request).missing > 0) return this.#tell(as, 'request.decided');
    return this.#settle(request, as);
  }

  /** The approvals are there: the credential comes to be, or gets its scopes. */
  #settle(request, as) {
    const { rule: found, counts } = this.judge(request);
    const lifeS = this.#lifeS(request, found);
    const ends = lifeS ? this.#now + lifeS * 1000 : 0;
    if (request.widens) {
      const credential = this.credentials[request.widens];
      credential.scopes = [...new Set([...credential.scopes, ...request.scopes])].sort();
      if (ends && (!credential.ends || ends < credential.ends)) credential.ends = ends;
      this.#tell(as, 'credential.changed');
    } else {
      if (this.taken >= this.#policy.places) return 'limit_reached';
      this.credentials[request.key] = { key: request.key, by: request.by, ends, secret: null,
        scopes: request.scopes, status: 'pending_delivery', claim: null, from: null };
      this.#tell(as, 'credential.created');
    }
    Object.assign(request, { state: 'approved', credential: request.widens ?? request.key, counts,
      rule: { ...found, holds: undefined }, claimable: this.#now + this.#policy.grantMs,
      withdrawn: false });
    return this.#tell(as, 'request.approved');
  }

  /* Claims. */

  #claim({ as, request: key, key: claim }) {
    const request = this.requests[key];
    if (request.by !== as) return 'forbidden';
    if (request.state !== 'approved' || request.widens) return 'conflict';
    if (this.suspended) return 'account_suspended';
    if (request.withdrawn) return 'claim_void';
    if (this.#now >= request.claimable) return 'claim_expired';
    const credential = this.credentials[request.credential];
    if (this.#isUnproved(credential)) {
      Object.assign(credential, { status: 'pending_delivery', secret: null });
      this.#tell(as, 'credential.changed');
    }
    if (credential.status !== 'pending_delivery') return 'conflict';
    const last = this.claims[credential.claim];
    if (last && (last.state === 'open' || last.state === 'used')) {
      last.state = 'voided';
      this.#tell(as, 'claim.voided');
    }
    const ends = Math.min(this.#now + this.#policy.claimMs, request.claimable,
      credential.ends || Infinity);
    this.claims[claim] = { key: claim, credential: credential.key, state: 'open', ends,
      alarms: 0, refusals: 0 };
    credential.claim = claim;
    return this.#tell(as, 'claim.created');
  }

  /** Fetched, and neither acknowledged nor used. */
  #isUnproved({ status, from }) {
    return status === 'delivered' || (status === 'quarantined' && from === 'delivered');
  }

  #fetch({ claim: key, secret }) {
    const claim = this.claims[key];
    const credential = this.credentials[claim.credential];
    const stands = credential.status === 'pending_delivery' && credential.claim === key;
    if (claim.state === 'expired') return this.#refuseFetch(claim, 'claim_expired');
    if (claim.state === 'used') return this.#alarm(claim, credential);
    if (claim.state === 'voided' || !stands) return this.#refuseFetch(claim, 'claim_void');
    if (this.suspended) return this.#refuseFetch(claim, 'account_suspended');
    Object.assign(credential, { status: 'delivered', secret });
    claim.state = 'used';
    return this.#tell('claim', 'credential.delivered', 'claim.used');
  }

  #refuseFetch(claim, code) {
    if (++claim.refusals <= 20) this.#tell('claim', 'claim.refused');
    return code;
  }

  #alarm(claim, credential) {
    if (++claim.alarms <= 20) this.#tell('claim', 'claim.replayed');
    if (claim.alarms === 1 && this.#policy.quarantines &&
        ['delivered', 'active', 'disabled'].includes(credential.status)) {
      Object.assign(credential, { from: credential.status, status: 'quarantined' });
      this.#tell('claim', 'credential.quarantined');
    }
    return 'already_claimed';
  }

  /** With the pair that is good now. */
  #acknowledge({ credential: key }) {
    const credential = this.credentials[key];
    if (!this.#isUnproved(credential)) return;
    credential[credential.status === 'delivered' ? 'status' : 'from'] = 'active';
    this.#tell('claim', 'credential.activated');
  }

  /* Credentials. */

  /** The gateway asks; the first time that the answer is good is the first use. */
  #use({ credential: key }) {
    const credential = this.credentials[key];
    if (this.verdict(credential.secret) !== 'VALID' || credential.status !== 'delivered') return;
    credential.status = 'active';
    this.#tell('system', 'credential.activated');
  }

  #rotate({ as, credential: key, secret }) {
    const credential = this.credentials[key];
    if (this.suspended) return 'account_suspended';
    if (credential.status !== 'active') return 'conflict';
    credential.secret = secret;
    return this.#tell(as, 'credential.rotated');
  }

  #enable({ as, credential: key }, from, to) {
    const credential = this.credentials[key];
    if (credential.status === to) return undefined;
    if (credential.status !== from) return 'conflict';
    credential.status = to;
    return this.#tell(as, `credential.${to === 'active' ? 'enabled' : 'disabled'}`);
  }

  #narrow({ as, credential: key, scopes }) {
    const credential = this.credentials[key];
    if (!within(scopes, credential.scopes)) return 'approval_required';
    if (!LIVE.includes(credential.status)) return 'conflict';
    credential.scopes = [...scopes].sort();
    return this.#tell(as, 'credential.changed');
  }

  #revoke({ as, credential: key }) {
    const credential = this.credentials[key];
    if (credential.status === 'revoked') return undefined;
    credential.status = 'revoked';
    return this.#tell(as, 'credential.revoked');
  }

  #release({ as, credential: key }) {
    const credential = this.credentials[key];
    const person = this.#person(as);
    if (!person.roles.includes('reviewer')) return 'forbidden';
    if (person.members) return 'self_approval';
    const request = this.requests[credential.key];
    const bar = this.#bar(request, request.rule, as);
    if (bar) return bar;
    if (credential.status !== 'quarantined') return 'conflict';
    Object.assign(credential, { status: credential.from, from: null });
    return this.#tell(as, 'credential.released');
  }

  #withdrawGrant({ as, request: key }) {
    const request = this.requests[key];
    if (!this.#person(as).roles.includes('reviewer')) return 'forbidden';
    if (request.withdrawn) return undefined;
    request.withdrawn = true;
    this.#tell(as, 'grant.withdrawn');
    return this.#revoke({ as, credential: request.credential });
  }

  #suspend(suspended) {
    if (this.suspended === suspended) return undefined;
    this.suspended = suspended;
    return this.#tell('operator', suspended ? 'account.suspended' : 'account.resumed');
  }

  /** The clock was turned, and everything that was due by then is swept. */
  sweep() {
    for (const request of Object.values(this.requests)) {
      if (this.isOpen(request) && this.#now >= request.expires) {
        request.state = 'expired';
        this.#tell('system', 'request.expired');
      }
    }
    for (const claim of Object.values(this.claims)) {
      if (claim.state === 'open' && this.#now >= claim.ends) {
        claim.state = 'expired';
        this.#tell('system', 'claim.expired');
      }
    }
    this.#endCredentials();
  }

  #endCredentials() {
    for (const credential of Object.values(this.credentials)) {
      const request = this.requests[credential.key];
      const unclaimed = credential.status === 'pending_delivery' && this.#now >= request.claimable;
      const over = credential.ends && this.#now >= credential.ends;
      if (!LIVE.includes(credential.status)) continue;
      if (unclaimed && !(over && credential.ends <= request.claimable)) {
        credential.status = 'revoked';
        this.#tell('system', 'grant.expired', 'credential.revoked');
      } else if (over) {
        credential.status = 'expired';
        this.#tell('system', 'credential.expired');
      }
    }
  }
}
