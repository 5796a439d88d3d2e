// What the players of the model check do next: operations drawn from a model's state, most of them
// sensible, some of them not.
import { pick } from '../../fault/lib/random.mjs';
import { SCOPES } from './policies.mjs';

const DEVELOPERS = ['dev', 'dev2', 'both'];
export const REVIEWERS = ['sec', 'plat', 'wide', 'hired', 'plain'];
const NAMES = ['Warehouse', 'Shop'];
const LIVES = [0, 0, 3600, 86_400, 3 * 86_400];
const OPEN_MAX = 5;

export class Moves {
  #model;
  #random;
  #seen;
  #made = 0;

  /** `model` gives the model of the moment, `seen` the digests that were seen of a request. */
  constructor(model, random, seen) {
    this.#model = model;
    this.#random = random;
    this.#seen = seen;
  }

  #pick(list) {
    return pick(this.#random, list);
  }
  #chance(part) {
    return this.#random() < part;
  }
  #key(letter) {
    return `${letter}${++this.#made}`;
  }
  #scopes(among = SCOPES) {
    const some = among.filter(() => this.#chance(0.4));
    return some.length ? some : [this.#pick(among)];
  }

  /** One operation, or several that are to be sent at once. */
  next() {
    const open = this.#open();
    if (open.length && this.#chance(0.08)) return this.#burst(this.#pick(open));
    const claims = Object.values(this.#model().claims);
    if (claims.length && this.#chance(0.03)) return this.#race(this.#pick(claims.slice(-3)));
    return [this.#one()];
  }

  #open() {
    return Object.values(this.#model().requests).filter((one) => this.#model().isOpen(one));
  }

  #one() {
    const { requests, credentials, claims, suspended } = this.#model();
    const open = this.#open();
    const approved = Object.values(requests).filter(({ state }) => state === 'approved');
    const all = { credentials: Object.values(credentials), claims: Object.values(claims) };
    const bag = [];
    const add = (weight, list, make) => {
      if (list.length) bag.push(...Array(weight).fill(() => make(this.#pick(list))));
    };
    add(open.length < OPEN_MAX ? 6 : 0, [0], () => this.#file());
    add(2, all.credentials, (credential) => this.#widen(credential));
    add(16, open, (request) => this.#decide(request));
    add(1, Object.values(requests), (request) => this.#decide(request));
    add(5, open, (request) => this.#own(request));
    add(7, approved, ({ key, by }) => this.#claim(key, by));
    add(8, all.claims, ({ key }) => ({ op: 'fetch', claim: key, secret: this.#key('s') }));
    add(2, approved, ({ key }) =>
      ({ op: 'withdraw_grant', as: this.#pick(REVIEWERS), request: key }));
    add(16, all.credentials, (credential) => this.#handle(credential));
    add(suspended ? 8 : 1, [0], () => ({ op: suspended ? 'resume' : 'suspend' }));
    return this.#pick(bag)();
  }

  #file() {
    return { op: 'file', as: this.#pick(DEVELOPERS), key: this.#key('r'),
      name: this.#pick(NAMES), scopes: this.#scopes(), lifeS: this.#pick(LIVES) };
  }

  #widen({ key }) {
    return { op: 'file', as: this.#pick(DEVELOPERS), key: this.#key('r'),
      name: this.#pick(NAMES), scopes: this.#scopes(), widens: key };
  }

  #decide({ key, scopes, by, widens }) {
    const as = this.#chance(0.08) ? by : this.#pick([...REVIEWERS, 'both', 'dev2']);
    const op = this.#pick([...Array(13).fill('approve'), 'reject', 'ask', 'ask']);
    const move = { op, as, request: key };
    if (this.#chance(0.8)) move.comment = 'Because.';
    const digests = this.#seen(key);
    if (digests.length && this.#chance(0.15)) move.digest = this.#pick(digests);
    if (op === 'approve' && this.#chance(0.12)) move.scopes = this.#scopes(scopes);
    if (op === 'approve' && this.#chance(0.03)) move.scopes = SCOPES;
    if (op === 'approve' && !widens && this.#chance(0.08)) move.lifeS = this.#pick([3600, 86_400]);
    return move;
  }

  #own({ key, by }) {
    const as = this.#chance(0.85) ? by : this.#pick(DEVELOPERS);
    const op = this.#pick(['change', 'change', 'change', 'reply', 'reply', 'withdraw']);
    const move = { op, as, request: key };
    if (op !== 'change') return move;
    return this.#chance(0.5) ? { ...move, name: this.#pick(NAMES) }
      : { ...move, scopes: this.#scopes() };
  }

  #claim(key, by) {
    return { op: 'claim', as: this.#chance(0.9) ? by : this.#pick(DEVELOPERS), request: key,
      key: this.#key('c') };
  }

  #handle({ key, scopes, secret, status }) {
    const as = this.#pick(DEVELOPERS);
    const bag = ['rotate', 'disable', 'enable', 'narrow', 'revoke'];
    if (secret) bag.push('use', 'use', 'use', 'acknowledge', 'acknowledge');
    if (status === 'quarantined') bag.push('release', 'release');
    const op = this.#pick(bag);
    const move = { op, as, credential: key };
    if (op === 'rotate') move.secret = this.#key('s');
    if (op === 'narrow') move.scopes = this.#scopes(this.#chance(0.8) ? scopes : SCOPES);
    if (op === 'release') move.as = this.#pick([...REVIEWERS, 'both']);
    return move;
  }

  /** Two who fetch with one claim, and somebody who makes it void, at the same moment. */
  #race({ key, credential }) {
    const { by } = this.#model().requests[credential];
    const fetch = () => ({ op: 'fetch', claim: key, secret: this.#key('s') });
    return [fetch(), fetch(), this.#pick([
      { op: 'claim', as: by, request: credential, key: this.#key('c') },
      { op: 'withdraw_grant', as: this.#pick(REVIEWERS), request: credential },
      { op: 'revoke', as: by, credential },
      { op: 'suspend' },
      fetch(),
    ])];
  }

  /** Several people at the same request at the same moment. */
  #burst(request) {
    const approve = (as) => ({ op: 'approve', as, request: request.key, comment: 'Together.' });
    const moves = [approve(this.#pick(['sec', 'wide'])), approve(this.#pick(['plat', 'plain']))];
    moves.push(this.#pick([
      { op: 'withdraw', as: request.by, request: request.key },
      { op: 'change', as: request.by, request: request.key, name: this.#pick(NAMES) },
      { op: 'reject', as: 'hired', request: request.key, comment: 'Together.' },
      { op: 'suspend' },
      this.#file(),
    ]));
    return moves;
  }
}
