// One account, played on the server and on the model at the same time; every answer and everything
// that can be seen afterwards has to be what the model says.
import assert from 'node:assert/strict';
import { newAccountOf, newUser } from '../../api/lib/desk.mjs';
import { seeded } from '../../fault/lib/random.mjs';
import { LIVE, Model } from './model.mjs';
import { Moves } from './moves.mjs';
import { POLICIES } from './policies.mjs';

const ESCALATIONS = POLICIES.flatMap(({ rules }) => rules)
  .filter(({ escalate }) => escalate).map(({ escalate }) => escalate.afterMs);

/** What the server announces by itself, and how often of one thing: no part of the model. */
const ANNOUNCED = { 'account.created': 1, 'request.expiring': 1, 'request.escalated': 1,
  'request.reminded': 2, 'credential.expiring': Infinity };

/** Every order of a short list. */
function* orders(list) {
  if (list.length < 2) yield list;
  else for (const [index, first] of list.entries())
    for (const rest of orders(list.filter((_, at) => at !== index))) yield [first, ...rest];
}

const sorted = (list) => list.slice().sort();
const codeOf = ({ status, body }) => (status < 300 ? '' : body.code);

export class Player {
  model;
  history = []; // what was played, oldest first
  steps = 0;
  #vault;
  #around;
  #account;
  #people; // name -> caller, of the account's own
  #names = new Map(); // user id -> name
  #ids = { request: new Map(), credential: new Map(), grant: new Map() }; // by the model's keys
  #tokens = new Map(); // claims and pairs, by the model's names
  #digests = new Map(); // request -> model's digest -> the server's
  #logged = -1; // index of the last audit entry that was read
  #told = 0; // entries of the model's log that were compared
  #announced = new Map(); // "action object" -> how often
  #living = 0; // credentials that held a place when all were last looked at
  #moves;

  /** `reviewers` are of all accounts: name -> {user, caller}. */
  static async join(vault, around, reviewers, seed) {
    const player = new Player();
    player.#vault = vault;
    player.#around = around;
    player.#account = (await newAccountOf(vault)).id;
    player.#people = { ...reviewers };
    for (const name of ['dev', 'dev2', 'both'])
      player.#people[name] = await newUser(vault, { roles: around.people[name].roles,
        groups: around.people[name].groups, accounts: [player.#account] });
    for (const [name, { user }] of Object.entries(player.#people))
      player.#names.set(user.id, name);
    player.model = new Model(around);
    player.#moves = new Moves(() => player.model, seeded(seed),
      (key) => [...(player.#digests.get(key)?.keys() ?? [])]);
    return player;
  }

  /** So many times draws something to do, and does it. */
  async play(count) {
    for (let i = 0; i < count; i++) {
      const moves = this.#moves.next();
      this.history.push(moves);
      await this.perform(moves);
    }
    await this.checkAll();
  }

  /** Does something that was drawn before; what refers to nothing is left out. */
  async perform(moves) {
    const possible = moves.filter((op) => this.#isPossible(op));
    this.steps += possible.length;
    if (possible.length === 1) await this.#step(possible[0]);
    else if (possible.length > 1) await this.#burst(possible);
  }

  #isPossible({ op, request, credential, claim, widens, digest }) {
    const { requests, credentials, claims } = this.model;
    if (op === 'withdraw_grant' && !this.#ids.grant.has(request)) return false;
    if ((op === 'use' || op === 'acknowledge') && !credentials[credential]?.secret) return false;
    return (!request || requests[request]) && (!credential || credentials[credential]) &&
      (!claim || claims[claim]) && (!widens || credentials[widens]) &&
      (digest === undefined || this.#digests.get(request)?.has(digest));
  }

  async #step(op) {
    const send = await this.#ready(op);
    const code = this.model.perform(op);
    const answer = await send();
    assert.equal(codeOf(answer), code, `the server answers ${answer.status} ${answer.text}`);
    this.#take(op, answer);
    if (op.op === 'use') await this.#vault.turn({ advance_ms: 0, sweep: true });
    await this.#see(op);
  }

  /** Sent at once, they were carried out one after another: in which order, the log tells. */
  async #burst(moves) {
    const ops = moves.map((op) => this.#bound(op));
    await this.checkLog();
    const sends = await Promise.all(ops.map((op) => this.#ready(op)));
    const answers = await Promise.all(sends.map((send) => send()));
    const log = (await this.#news()).map((entry) => this.#line(entry));
    const codes = answers.map(codeOf);
    const fits = [...orders(ops)].map((order) => {
      const model = this.model.copy();
      const told = new Map(order.map((op) => [op, model.perform(op)]));
      const lines = model.log.slice(this.#told).map((entry) => this.#modelLine(entry));
      const same = ops.every((op, at) => told.get(op) === codes[at]) && lines.join() === log.join();
      return same ? model : null;
    }).find((model) => model !== null);
    assert.ok(fits, `no order explains these answers: ${codes} and this log: ${log}`);
    this.model = fits;
    this.#told = this.model.log.length;
    ops.forEach((op, index) => this.#take(op, answers[index]));
    for (const op of ops) await this.#see(op);
  }

  /** With the digest that is read before all of them are sent, and may be stale when it comes. */
  #bound(op) {
    const request = this.model.requests[op.request];
    if (!['approve', 'reject', 'ask'].includes(op.op) || !this.model.isOpen(request)) return op;
    return { digest: this.model.judge(request).digest, ...op };
  }

  /** What sends the operation: with the digest of the moment, which is read before. */
  async #ready(op) {
    const calls = {
      file: () => ['post', '/v1/requests', { account_id: this.#account, name: op.name,
        scopes: op.scopes, use_case: 'To be checked.',
        ...(op.lifeS && { expires_in_s: op.lifeS }),
        ...(op.widens && { credential_id: this.#ids.credential.get(op.widens) }) }],
      change: () => ['patch', '', { ...(op.name && { name: op.name }),
        ...(op.scopes && { scopes: op.scopes }) }],
      reply: () => ['post', '/replies', { text: 'So.' }],
      withdraw: () => ['post', '/withdraw'],
      claim: () => ['post', '/claims', {}],
      fetch: () => ['post', '/v1/claims', { claim: this.#tokens.get(op.claim) }],
      use: () => ['post', '/v1/verify', { key: this.#secretOf(op.credential) }],
      rotate: () => ['post', '/rotate', { grace_s: 0 }],
      disable: () => ['patch', '', { status: 'disabled' }],
      enable: () => ['patch', '', { status: 'active' }],
      narrow: () => ['patch', '', { scopes: op.scopes }],
      revoke: () => ['post', '/revoke', {}],
      release: () => ['post', '/release', { comment: 'It was us.' }],
      suspend: () => ['patch', `/v1/accounts/${this.#account}`, { status: 'suspended' }],
      resume: () => ['patch', `/v1/accounts/${this.#account}`, { status: 'active' }],
      withdraw_grant: () => ['post', `/v1/grants/${this.#ids.grant.get(op.request)}/withdraw`],
    };
    if (op.op === 'acknowledge') return () => this.#acknowledge(op);
    if (['approve', 'reject', 'ask'].includes(op.op)) return this.#decide(op);
    const [method, path, body] = calls[op.op]();
    const where = op.credential ? `/v1/credentials/${this.#ids.credential.get(op.credential)}`
      : `/v1/requests/${this.#ids.request.get(op.request)}`;
    return () => this.#caller(op)[method](path.startsWith('/v1') ? path : where + path, body);
  }

  #caller({ op, as }) {
    if (op === 'suspend' || op === 'resume') return this.#vault.as('admin');
    if (op === 'fetch') return this.#vault.anonymous;
    return op === 'use' ? this.#vault.as('gateway') : this.#people[as].caller;
  }

  async #decide({ op, as, request, digest, comment, scopes, lifeS }) {
    const now = await this.#show(request);
    const path = `/v1/requests/${now.id}/decisions`;
    const body = { decision: op, ...(comment && { comment }), ...(scopes && { scopes }),
      digest: digest ? this.#digests.get(request).get(digest) : now.digest,
      ...(lifeS && { expires_in_s: lifeS }) };
    return () => this.#people[as].caller.post(path, body);
  }

  #secretOf(credential) {
    return this.#tokens.get(this.model.credentials[credential].secret).client_secret;
  }

  #acknowledge({ credential: key }) {
    const { claim, secret } = this.model.credentials[key];
    const { client_id, client_secret } = this.#tokens.get(secret);
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
    const headers = { Authorization: `Basic ${basic}` };
    return this.#vault.anonymous.post('/v1/claims/acknowledge',
      { claim: this.#tokens.get(claim), client_id }, { headers });
  }

  /** Keeps the names that an answer gave. */
  #take(op, { status, body }) {
    if (status >= 300) return;
    if (op.op === 'file') this.#ids.request.set(op.key, body.id);
    if (op.op === 'claim') this.#tokens.set(op.key, body.claim);
    if (op.op === 'fetch')
      this.#tokens.set(op.secret, { client_id: body.client_id, client_secret: body.client_secret });
    if (op.op === 'rotate')
      this.#tokens.set(op.secret, { client_id: body.credential.client_id,
        client_secret: body.client_secret });
  }

  /** What the operation was about is as the model has it. */
  async #see({ request, credential, key, claim }) {
    const about = request ?? (key in this.model.requests ? key : undefined);
    if (about) await this.#show(about);
    const of = credential ?? this.model.claims[claim]?.credential ??
      this.model.requests[about]?.credential;
    if (of) await this.#showCredential(of);
  }

  async #get(path) {
    const { status, body, text } = await this.#vault.as('auditor').get(path);
    assert.equal(status, 200, text);
    return body;
  }

  async #show(key) {
    const request = this.model.requests[key];
    const shown = await this.#get(`/v1/requests/${this.#ids.request.get(key)}`);
    const told = `of request ${key}`;
    assert.equal(shown.state, request.state, `state ${told}`);
    assert.deepEqual(shown.scopes, request.scopes, `scopes ${told}`);
    assert.equal(shown.thread.length, request.thread, `thread ${told}`);
    assert.deepEqual(shown.decisions.map(({ kind }) => kind),
      request.decisions.map(({ kind }) => kind), `decisions ${told}`);
    assert.equal(shown.requested_by, this.#people[request.by].user.id, `requester ${told}`);
    if (this.model.isOpen(request)) this.#checkOpen(key, request, shown);
    else this.#checkOver(key, request, shown);
    return shown;
  }

  /** The approvals that count, and the digest: another for whatever is other, and only then. */
  #checkOpen(key, request, shown) {
    const { digest, counts, missing } = this.model.judge(request);
    assert.deepEqual(shown.decisions.map((one) => one.counts), counts, `counts of ${key}`);
    if (Number.isFinite(missing)) assert.equal(shown.rule.approvals_missing, missing, `of ${key}`);
    assert.equal(shown.credential_id, null, `credential of ${key}`);
    assert.equal(shown.frozen, this.model.suspended, `frozen ${key}`);
    const known = this.#digests.get(key) ?? new Map();
    this.#digests.set(key, known);
    const other = [...known].find(([, theirs]) => theirs === shown.digest);
    if (other) assert.equal(other[0], digest, `one digest for two contents of ${key}`);
    if (known.has(digest)) assert.equal(shown.digest, known.get(digest), `digest of ${key}`);
    known.set(digest, shown.digest);
  }

  /** Never a credential without the approvals in force when it was made, by as many people. */
  #checkOver(key, { state, credential }, shown) {
    if (state !== 'approved') {
      assert.equal(shown.credential_id, null, `credential of ${key}, which is ${state}`);
      return;
    }
    const counting = shown.decisions.filter(({ kind, counts }) => kind === 'approve' && counts);
    const people = new Set(counting.map(({ by }) => by));
    const { approvals_needed, terms } = shown.rule;
    assert.ok(approvals_needed === 0 || people.size >= approvals_needed, `approvals of ${key}`);
    if (!terms.includes('self_approval'))
      assert.ok(!people.has(shown.requested_by), `${key} was approved by its requester`);
    const id = this.#ids.credential.get(credential) ?? shown.credential_id;
    assert.equal(shown.credential_id, id, `credential of ${key}`);
    this.#ids.credential.set(credential, id);
    this.#ids.grant.set(key, shown.grant_id);
  }

  async #showCredential(key) {
    const credential = this.model.credentials[key];
    const shown = await this.#get(`/v1/credentials/${this.#ids.credential.get(key)}`);
    this.#compareCredential(key, credential, shown);
    if (credential.secret) await this.#probe(credential.secret);
  }

  #compareCredential(key, { status, scopes, ends }, shown) {
    assert.equal(shown.status, status, `status of credential ${key}`);
    assert.deepEqual(shown.scopes, scopes, `scopes of credential ${key}`);
    assert.equal(shown.expires_at === null ? 0 : Date.parse(shown.expires_at), ends,
      `end of credential ${key}`);
  }

  /** What the gateway would be told, found out without using the key: asked for another mode. */
  async #probe(name) {
    const key = this.#tokens.get(name).client_secret;
    const { body } = await this.#vault.as('gateway').post('/v1/verify', { key, mode: 'test' });
    assert.equal(body.code, this.model.verdict(name, 'test'), `verification of ${name}`);
    return body.code === 'WRONG_MODE' ? body.credential_id : null;
  }

  /** What the log has of the account since the last time, oldest first. */
  async #news() {
    const entries = [];
    let newest = this.#logged;
    for (let cursor = ''; cursor !== null;) {
      const query = `limit=100&account_id=${this.#account}${cursor && `&cursor=${cursor}`}`;
      const { items, next_cursor } = await this.#get(`/v1/audit?${query}`);
      const fresh = items.filter(({ index }) => index > this.#logged);
      newest = Math.max(newest, ...fresh.map(({ index }) => index));
      entries.push(...fresh);
      cursor = fresh.length === items.length && items.at(-1)?.action !== 'account.created'
        ? next_cursor : null;
    }
    this.#logged = newest;
    return entries.reverse().filter((entry) => !this.#isAnnounced(entry));
  }

  #isAnnounced({ action, object }) {
    if (!(action in ANNOUNCED)) return false;
    const times = (this.#announced.get(`${action} ${object}`) ?? 0) + 1;
    this.#announced.set(`${action} ${object}`, times);
    assert.ok(times <= ANNOUNCED[action], `${action} of ${object}, ${times} times`);
    return true;
  }

  #line({ action, actor, actor_kind }) {
    return `${this.#names.get(actor) ?? actor_kind} ${action}`;
  }
  #modelLine([actor, action]) {
    return `${actor === 'operator' ? 'user' : actor} ${action}`;
  }

  /** The log tells each step once, in order. After a sweep, the order is the sweeper's. */
  async checkLog(order = (list) => list) {
    const got = (await this.#news()).map((entry) => this.#line(entry));
    const want = this.model.log.slice(this.#told).map((entry) => this.#modelLine(entry));
    this.#told = this.model.log.length;
    assert.deepEqual(order(got), order(want), 'the audit log');
  }

  /** The clock was turned and what was due is swept: the model does the same. After checkLog. */
  async sweep() {
    this.model.sweep();
    await this.checkLog(sorted);
    if (this.#open.length) await this.#show(this.#open[0].key);
  }

  get #open() {
    return Object.values(this.model.requests).filter((one) => this.model.isOpen(one));
  }

  /** Everything that the account has is what the model has, and nothing else is there. */
  async checkAll() {
    await this.checkLog();
    const query = `limit=100&account_id=${this.#account}`;
    const { items } = await this.#get(`/v1/credentials?${query}`);
    const keys = Object.keys(this.model.credentials);
    assert.equal(items.length, keys.length, 'how many credentials there are');
    for (const key of keys) {
      const shown = items.find(({ id }) => id === this.#ids.credential.get(key));
      assert.ok(shown, `credential ${key} is not there`);
      this.#compareCredential(key, this.model.credentials[key], shown);
    }
    this.#checkLimit(items);
    for (const { key } of this.#open) await this.#show(key);
    await this.#checkSecrets();
  }

  /** No more hold a place than the policy has, but for those who did before it was lowered. */
  #checkLimit(items) {
    const living = items.filter(({ status }) => LIVE.includes(status)).length;
    const { places } = POLICIES[this.#around.policy];
    assert.ok(living <= Math.max(places, this.#living), `${living} credentials of ${places}`);
    this.#living = living;
  }

  /** Of all secrets that there ever were, at most one of each credential is good. */
  async #checkSecrets() {
    const good = new Set();
    for (const [name, pair] of this.#tokens) {
      if (typeof pair === 'string') continue;
      const credential = await this.#probe(name);
      assert.ok(!good.has(credential), `two secrets of ${credential} are good`);
      if (credential !== null) good.add(credential);
    }
  }

  /** The hours at which something of the account ends, or others may decide. */
  get hours() {
    const { requests, credentials, claims } = this.model;
    return [
      ...this.#open.flatMap(({ filed, expires }) =>
        [expires, ...ESCALATIONS.map((after) => filed + after)]),
      ...Object.values(requests).map(({ claimable }) => claimable),
      ...Object.values(credentials).map(({ ends }) => ends),
      ...Object.values(claims).filter(({ state }) => state === 'open').map(({ ends }) => ends),
    ];
  }
}
