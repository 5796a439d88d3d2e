// Writers change a vault that may be killed at any moment, and remember what was acknowledged.
//
// Each writer has keys and requests that no other writer touches, so it knows what they have to be.
// An action is {send, done, settle}: `send` makes the call, `done` takes an acknowledged answer
// down, and `settle` finds out, after a crash, whether the unanswered call was carried out, and
// resolves to that: wholly or not at all, anything else throws.
import assert from 'node:assert/strict';
import { assertStatus } from '../../api/lib/caller.mjs';
import { newName, verify } from '../../api/lib/desk.mjs';
import { pick } from './random.mjs';

let keys = 0;
const once = () => ({ headers: { 'Idempotency-Key': `writer-${++keys}` } });
const taken = (answer, ...statuses) => {
  assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text}`);
  return answer.body;
};

export class Writer {
  keys = []; // {id, secret, dead: old secrets, code: what verification says, rotations, touched}
  requests = []; // {id, digest, state, needed, approvals, credential_id, grant_id, claim, fetches,
  //                secret, code, withdrawn, touched}
  unanswered = { done: 0, undone: 0 }; // what became of them
  #vault;
  #account;
  #random;
  #unanswered = null;

  constructor(vault, account, random) {
    this.#vault = vault;
    this.#account = account;
    this.#random = random;
  }

  get account() {
    return this.#account;
  }
  get #developer() {
    return this.#vault.with(this.#account.token);
  }

  /** Acts until the connection breaks. */
  async write() {
    for (;;) {
      const action = pick(this.#random, this.#possible())();
      this.#unanswered = action;
      const answer = await action.send().catch(() => null);
      if (answer === null) return;
      action.done(answer);
      this.#unanswered = null;
    }
  }

  /** After a crash: finds out about the call that got no answer, if there is one. */
  async settle() {
    const action = this.#unanswered;
    this.#unanswered = null;
    if (action) this.unanswered[(await action.settle()) ? 'done' : 'undone']++;
  }

  /** Every key and request that changed since the last check is what it has to be; or all are. */
  async check({ all = false } = {}) {
    for (const key of this.keys.filter(({ touched }) => all || touched)) {
      assert.equal((await verify(this.#vault, key.secret)).code, key.code, `${key.id}`);
      for (const secret of key.dead)
        assert.equal((await verify(this.#vault, secret)).code, 'NOT_FOUND', `of ${key.id}`);
      key.touched = false;
    }
    for (const request of this.requests.filter(({ touched }) => all || touched)) {
      const now = await this.#show(request);
      assert.equal(now.state, request.state, request.id);
      assert.equal(now.decisions.length, request.approvals, request.id);
      assert.equal(now.credential_id, request.credential_id, request.id);
      assert.equal(now.grant_id !== null, request.state === 'approved', request.id);
      if (request.secret)
        assert.equal((await verify(this.#vault, request.secret)).code, request.code, request.id);
      request.touched = false;
    }
  }

  /** The actions that make sense now, some of them more likely than others. */
  #possible() {
    const usable = this.keys.filter(({ code }) => code !== 'REVOKED');
    const active = usable.filter(({ code }) => code === 'VALID');
    const open = this.requests.filter(({ state }) => state === 'pending');
    const approved = this.requests.filter((one) => one.state === 'approved' && !one.withdrawn);
    const unfetched = approved.filter(({ secret }) => !secret);
    const claimed = unfetched.filter(({ claim }) => claim);
    const fetched = approved.filter(({ secret }) => secret);
    const some = (list, make) => (list.length > 0 ? [() => make(pick(this.#random, list))] : []);
    return [
      () => this.#create(),
      () => this.#create(),
      () => this.#file(),
      ...some(active, (key) => this.#rotate(key)),
      ...some(usable, (key) => this.#revoke(key)),
      ...some(usable, (key) => this.#toggle(key)),
      ...some(open, (request) => this.#approve(request)),
      ...some(open, (request) => this.#approve(request)),
      ...some(open.slice(3), (request) => this.#withdraw(request)),
      ...some(unfetched, (request) => this.#claim(request)),
      ...some(claimed, (request) => this.#fetch(request)),
      ...some(claimed, (request) => this.#fetch(request)),
      ...some(fetched.slice(3), (request) => this.#takeBack(request)),
    ];
  }

  /** A call that is repeated under its Idempotency-Key: whatever became of it, it is done then. */
  #repeatable(path, body, done) {
    const options = once();
    const send = () => this.#developer.post(path, body, options);
    const settle = async () => {
      const answer = await send();
      done(answer);
      return answer.headers['idempotency-replayed'] === 'true';
    };
    return { send, done, settle };
  }

  /** A call that leaves one of two states; `look` resolves to whether it was carried out. */
  #either(send, apply, look) {
    const done = (answer) => taken(answer, 200) && apply();
    const settle = async () => {
      const was = await look();
      if (was) apply();
      return was;
    };
    return { send, done, settle };
  }

  #create() {
    const order = { account_id: this.#account.id, mode: 'test', name: newName('k'),
      scopes: ['orders.read'] };
    return this.#repeatable('/v1/credentials', order, (answer) => {
      const body = taken(answer, 201, 409);
      if (answer.status === 409) return assert.equal(body.code, 'limit_reached');
      return this.keys.push({ id: body.credential.id, secret: body.client_secret, dead: [],
        code: 'VALID', rotations: 0, touched: true });
    });
  }

  #rotate(key) {
    return this.#repeatable(`/v1/credentials/${key.id}/rotate`, { grace_s: 0 }, (answer) => {
      const { client_secret } = taken(answer, 200);
      key.dead.push(key.secret);
      Object.assign(key, { secret: client_secret, touched: true, rotations: key.rotations + 1 });
    });
  }

  /** Its code after a call that got no answer is one of these, and what is shown goes with it. */
  async #codeOf(key, ...codes) {
    const { code } = await verify(this.#vault, key.secret);
    assert.ok(codes.includes(code), `${key.id} answers ${code}`);
    const shown = assertStatus(await this.#developer.get(`/v1/credentials/${key.id}`), 200);
    const status = { VALID: 'active', DISABLED: 'disabled', REVOKED: 'revoked' }[code];
    assert.equal(shown.status, status, `${key.id} answers ${code}`);
    return code;
  }

  #revoke(key) {
    const apply = () => Object.assign(key, { code: 'REVOKED', touched: true });
    return this.#either(() => this.#developer.post(`/v1/credentials/${key.id}/revoke`), apply,
      async () => (await this.#codeOf(key, key.code, 'REVOKED')) === 'REVOKED');
  }

  #toggle(key) {
    const [status, code] = key.code === 'VALID' ? ['disabled', 'DISABLED'] : ['active', 'VALID'];
    const apply = () => Object.assign(key, { code, touched: true });
    return this.#either(() => this.#developer.patch(`/v1/credentials/${key.id}`, { status }), apply,
      async () => (await this.#codeOf(key, key.code, code)) === code);
  }

  async #show({ id }) {
    return assertStatus(await this.#developer.get(`/v1/requests/${id}`), 200);
  }

  #file() {
    const order = { account_id: this.#account.id, name: newName('r'), use_case: 'To be killed',
      scopes: [pick(this.#random, ['products.read', 'orders.write'])] };
    return this.#repeatable('/v1/requests', order, (answer) => {
      const { id, digest, rule, state } = taken(answer, 201);
      this.requests.push({ id, digest, state, needed: rule.approvals_needed, approvals: 0,
        credential_id: null, fetches: 0, touched: true });
    });
  }

  /** A request as the server has it; its approvals and its credential belong together. */
  #takeDown(request, { state, decisions, credential_id, grant_id }) {
    const enough = decisions.length >= request.needed;
    assert.equal(state, enough ? 'approved' : 'pending', request.id);
    assert.equal(credential_id !== null, enough, request.id);
    Object.assign(request, { state, approvals: decisions.length, credential_id, grant_id,
      touched: true });
  }

  #approve(request) {
    const role = request.approvals === 0 ? 'reviewer' : 'reviewer2';
    const order = { decision: 'approve', digest: request.digest };
    const path = `/v1/requests/${request.id}/decisions`;
    return {
      send: () => this.#vault.as(role).post(path, order),
      done: (answer) => this.#takeDown(request, taken(answer, 201).request),
      settle: async () => {
        const now = await this.#show(request);
        const more = now.decisions.length - request.approvals;
        assert.ok([0, 1].includes(more), `${more} approvals for one`);
        this.#takeDown(request, now);
        return more === 1;
      },
    };
  }

  #withdraw(request) {
    const apply = () => Object.assign(request, { state: 'withdrawn', touched: true });
    return this.#either(() => this.#developer.post(`/v1/requests/${request.id}/withdraw`), apply,
      async () => (await this.#show(request)).state === 'withdrawn');
  }

  #claim(request) {
    return this.#repeatable(`/v1/requests/${request.id}/claims`, {}, (answer) => {
      const body = taken(answer, 201);
      Object.assign(request, { claim: body.claim, touched: true });
    });
  }

  #fetch(request) {
    const { claim } = request;
    return {
      send: () => this.#vault.anonymous.post('/v1/claims', { claim }),
      done: (answer) => {
        const { client_secret } = taken(answer, 200);
        Object.assign(request, { secret: client_secret, code: 'VALID', claim: null,
          fetches: request.fetches + 1, touched: true });
      },
      settle: async () => {
        const looked = await this.#vault.anonymous.post('/v1/claims/lookup', { claim });
        const { state } = assertStatus(looked, 200);
        assert.ok(['open', 'used'].includes(state));
        if (state === 'open') return false;
        // The pair is lost with its answer; a new claim gives another, and voids this one.
        Object.assign(request, { claim: null, fetches: request.fetches + 1, touched: true });
        return true;
      },
    };
  }

  #takeBack(request) {
    const apply = () => Object.assign(request, { code: 'REVOKED', withdrawn: true, touched: true });
    return this.#either(() => this.#vault.as('reviewer').post(
      `/v1/grants/${request.grant_id}/withdraw`), apply,
    async () => (await verify(this.#vault, request.secret)).code === 'REVOKED');
  }
}
