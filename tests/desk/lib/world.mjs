// The world that cases play in: one vault whose clock stands still unless it is turned, policies
// that replace each other in it, and for each case accounts and people of its own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newAccountOf, newUser } from '../../api/lib/desk.mjs';
import { policyText } from '../../api/lib/policy.mjs';
import { startVault, temporaryFolder } from '../../api/lib/vault.mjs';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** "14d -1ms" in milliseconds: durations as the policy has them, added up. */
export function duration(text) {
  return text.split(' ').reduce((sum, word) => {
    const [, sign, number, unit] = /^(-?)(\d+)(ms|[smhdw])$/.exec(word) ?? [];
    assert.ok(unit, `no duration: ${text}`);
    return sum + (sign ? -1 : 1) * Number(number) * UNITS[unit];
  }, 0);
}

/** The people who are there unless a case says otherwise; `account` is the name of theirs. */
const PEOPLE = {
  dev: { roles: ['developer'], account: 'acme' },
  dev2: { roles: ['developer'], account: 'acme' },
  globex: { roles: ['developer'], account: 'globex' },
  rev: { roles: ['reviewer'], groups: ['platform', 'security'] },
  rev2: { roles: ['reviewer'], groups: ['platform', 'security'] },
  rev3: { roles: ['reviewer'], groups: ['platform'] },
  lead: { roles: ['reviewer'], groups: ['leads'] },
  extern: { roles: ['reviewer'], groups: ['contractors', 'platform'] },
  both: { roles: ['developer', 'reviewer'], groups: ['platform'], account: 'acme' },
  admin: { roles: ['admin'] },
  auditor: { roles: ['auditor'] },
};

export class World {
  #file;
  #policy;
  #folders;
  #operator; // the id of who does what a case says of nobody: suspend, edit users

  /** `folders` are where policies are looked for by name. */
  static async open(...folders) {
    const world = new World();
    world.#folders = folders;
    world.#file = path.join(await temporaryFolder(), 'policy.yaml');
    world.#policy = policyText();
    await writeFile(world.#file, world.#policy);
    world.vault = await startVault(undefined, { policy: world.#file, testClock: true });
    world.#operator = (await world.vault.as('admin').get('/v1/whoami')).body.user.id;
    await world.turn(0, { hold: true });
    return world;
  }

  close() {
    return this.vault.close();
  }

  /** Turns the clock; `sweep` waits for what came due by then. Resolves to the time in ms. */
  async turn(ms, members = {}) {
    const body = await this.vault.turn({ advance_ms: ms, ...members });
    return Date.parse(body.now);
  }

  /**
   * A file's name, or what differs from the policy of tests/api/lib/policy.mjs; there, "$acme" is
   * an account's id.
   */
  #text(policy, accounts) {
    if (typeof policy !== 'string')
      return policyText(policy).replace(/"\$(\w+)"/g, (_, name) => `"${accounts[name].id}"`);
    for (const folder of this.#folders) {
      try {
        return readFileSync(path.join(folder, `${policy}.yaml`), 'utf8');
      } catch (error) {
        if (error.code !== 'ENOENT') throw error;
      }
    }
    assert.fail(`no such policy: ${policy}`);
  }

  /** Puts a policy in force, as an operator does; resolves to whether the server took it. */
  async reload(policy, accounts = {}) {
    const text = this.#text(policy, accounts);
    if (text === this.#policy) return true;
    const count = (pattern) => this.vault.log.match(pattern)?.length ?? 0;
    const told = () => [count(/policy reloaded/g), count(/the policy was not reloaded/g)];
    const before = told();
    await writeFile(this.#file, text);
    this.vault.signal('SIGHUP');
    await this.vault.until(() => told().join() !== before.join());
    const taken = told()[0] !== before[0];
    if (taken) this.#policy = text;
    return taken;
  }

  /** Accounts with these tags, and the people of one case: made when they are first asked for. */
  async people(more = {}, tags = {}) {
    const accounts = {};
    for (const name of ['acme', 'globex'])
      accounts[name] = await newAccountOf(this.vault, { tags: tags[name] ?? [] });
    const made = new Map();
    const known = { ...PEOPLE, ...more };
    const find = async (name) => {
      const { account, ...members } = known[name] ?? assert.fail(`nobody is called ${name}`);
      if (account) members.accounts = [accounts[account].id];
      if (!made.has(name)) made.set(name, newUser(this.vault, members));
      return made.get(name);
    };
    const nameOf = async (id) => {
      for (const [name, user] of made) if ((await user).user.id === id) return name;
      return id === this.#operator ? 'operator' : undefined;
    };
    return { accounts, find, nameOf };
  }
}
