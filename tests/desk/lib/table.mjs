// The table at which the players of the model check sit: one vault, one clock, one policy and the
// same reviewers for all of them. Between their turns the hours pass, the policy is another, and
// people change their groups; each player's history has that too, so that it can be played again.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newUser } from '../../api/lib/desk.mjs';
import { policyText } from '../../api/lib/policy.mjs';
import { startVault, temporaryFolder } from '../../api/lib/vault.mjs';
import { pick, seeded } from '../../fault/lib/random.mjs';
import { Surroundings } from './model.mjs';
import { REVIEWERS } from './moves.mjs';
import { Player } from './player.mjs';
import { POLICIES } from './policies.mjs';

const HOUR = 3_600_000;
const GROUPS = { sec: ['security'], plat: ['platform'], wide: ['platform', 'security'],
  hired: ['contractors', 'platform'], plain: ['leads'] };
const people = () => ({
  dev: { roles: ['developer'], groups: [], members: true },
  dev2: { roles: ['developer'], groups: [], members: true },
  both: { roles: ['developer', 'reviewer'], groups: ['platform'], members: true },
  ...Object.fromEntries(REVIEWERS.map((name) =>
    [name, { roles: ['reviewer'], groups: GROUPS[name], members: false }])),
});

/** What is thrown says whose fault it was: `player`. */
export function blame(player, promise) {
  return promise.catch((error) => {
    throw Object.assign(error, { player });
  });
}

export class Table {
  vault;
  around;
  #file;
  #reviewers = {};
  #random;

  static async lay(seed) {
    const table = new Table();
    table.#random = seeded(seed);
    table.around = new Surroundings(people());
    table.#file = path.join(await temporaryFolder(), 'policy.yaml');
    await writeFile(table.#file, policyText(POLICIES[0].changes));
    table.vault = await startVault(undefined, { policy: table.#file, testClock: true });
    for (const name of REVIEWERS) {
      const { roles, groups } = table.around.people[name];
      table.#reviewers[name] = await newUser(table.vault, { roles, groups });
    }
    await table.#turn(0, { hold: true });
    return table;
  }

  close() {
    return this.vault.close();
  }

  join(seed) {
    return Player.join(this.vault, this.around, this.#reviewers, seed);
  }

  async #turn(ms, members) {
    this.around.now = Date.parse((await this.vault.turn({ advance_ms: ms, ...members })).now);
  }

  /** What happens between the players' turns. */
  draw() {
    const events = [{ event: 'pass', ms: pick(this.#random, [1, HOUR, 3 * HOUR, 11 * HOUR]) }];
    if (this.#random() < 0.2)
      events.push({ event: 'policy', policy: Math.floor(this.#random() * POLICIES.length) });
    if (this.#random() < 0.2)
      events.push({ event: 'person', name: pick(this.#random, REVIEWERS),
        groups: GROUPS[pick(this.#random, REVIEWERS)],
        roles: [this.#random() < 0.8 ? 'reviewer' : 'auditor'] });
    return events;
  }

  /** Everything as it was laid, for a history that is to be played from its beginning. */
  async reset({ policy, people: as }) {
    await this.happen({ event: 'policy', policy }, []);
    for (const name of REVIEWERS) await this.happen({ event: 'person', name, ...as[name] }, []);
  }

  /** One event, for these players. */
  async happen(event, players) {
    const happenings = {
      pass: ({ ms }) => this.#pass(ms, players),
      policy: ({ policy }) => this.#reload(policy),
      person: (change) => this.#edit(change),
    };
    await happenings[event.event](event);
  }

  /** From one hour that strikes to the next, and to the millisecond before it. */
  async #pass(ms, players) {
    const end = this.around.now + ms;
    while (this.around.now < end) {
      const hours = players.flatMap((player) => player.hours).filter((at) => at > this.around.now);
      const next = Math.min(end, ...hours);
      for (const at of [next - 1, next].filter((one) => one > this.around.now)) {
        await this.#turn(at - this.around.now, { sweep: true });
        await Promise.all(players.map((player) => blame(player, player.sweep())));
      }
    }
  }

  async #reload(policy) {
    if (policy === this.around.policy) return;
    const count = () => this.vault.log.match(/policy reloaded/g)?.length ?? 0;
    const before = count();
    await writeFile(this.#file, policyText(POLICIES[policy].changes));
    this.vault.signal('SIGHUP');
    await this.vault.until(() => count() > before);
    this.around.policy = policy;
  }

  async #edit({ name, groups, roles }) {
    const { user: { id } } = this.#reviewers[name];
    const answer = await this.vault.as('admin').patch(`/v1/users/${id}`, { groups, roles });
    assert.equal(answer.status, 200, answer.text);
    Object.assign(this.around.people[name], { groups, roles });
  }

  /** What a history begins with. */
  get standing() {
    return structuredClone({ policy: this.around.policy, people: this.around.people });
  }
}
