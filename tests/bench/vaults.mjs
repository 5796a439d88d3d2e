// Vaults that are seeded and served, and the work that wrk does on them.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, power } from './figures.mjs';
import { Server, run } from './process.mjs';

const POLICY = fileURLToPath(new URL('policy.yaml', import.meta.url));
const ACCOUNTS = '2048'; // of each vault: a policy allows an account a thousand credentials

/** The programs that were built for this. */
export function programs(build) {
  const tool = (name) => path.resolve(build, 'tests/bench', name);
  return {
    countersign: path.resolve(build, 'countersign'),
    bare: tool('bare'),
    seed: tool('seed'),
    seed_requests: tool('seed_requests'),
    fdatasync: tool('fdatasync'),
    audit: tool('audit'),
  };
}

/** A bare server as it is called in tables: one by its own loop, one by the library's thread. */
export function startBare(program, kind, core) {
  return Server.start([program, kind], core);
}

export const smallest = { script: 'get.lua', args: [] };

/** A vault of `count` test credentials in a folder of its own below `folder`. */
export class Vault {
  #own;

  /** Seeded once for all that share it: those who create have one of their own. */
  static async start(programs, folder, count, core, use = 'asked') {
    const vault = new Vault();
    const own = path.join(folder, `vault-${use}-${count}`);
    const data = path.join(own, 'data');
    vault.#own = own;
    if (!existsSync(own)) {
      mkdirSync(own, { mode: 0o700 });
      const began = performance.now();
      await run([programs.seed, data, `${count}`, ACCOUNTS, own]);
      const took_s = (performance.now() - began) / 1000;
      process.stderr.write(`seeded ${power(count)} credentials in ${figure(took_s)} s\n`);
    }
    const command = [programs.countersign, 'dev', '--data', data, '--policy', POLICY];
    const listen = ['--listen', '127.0.0.1:0', '--print', 'json'];
    vault.server = await Server.start([...command, ...listen], core);
    writeFileSync(vault.#file('gateway'), vault.server.ready.tokens.gateway, { mode: 0o600 });
    return vault;
  }

  #file(name) {
    return path.join(this.#own, name);
  }

  /** POST /v1/verify about any of its keys, by the gateway. */
  get verifying() {
    return { script: 'verify.lua', args: [this.#file('keys'), this.#file('gateway')] };
  }

  /** GET /v1/authorize about any of its keys, by the gateway. */
  get authorizing() {
    return { script: 'authorize.lua', args: [this.#file('keys'), this.#file('gateway')] };
  }

  /** POST /v1/verify/batch about 256 of its keys, by the gateway. */
  get batching() {
    return { script: 'batch.lua', args: [this.#file('keys'), this.#file('gateway')] };
  }

  /** POST /v1/credentials for any of its accounts, by a developer of it. */
  get creating() {
    return { script: 'create.lua', args: [this.#file('creators')] };
  }

  /** A quick answer is worth nothing if it is wrong: three keys, and what is none. */
  async check() {
    const keys = readFileSync(this.#file('keys'), 'latin1').trim().split('\n');
    this.server.release();
    for (const key of [keys[0], keys[keys.length >> 1], keys.at(-1)])
      assert.equal(await this.#ask(key), 'VALID');
    assert.equal(await this.#ask('cs_test_x'), 'MALFORMED');
    this.server.hold();
  }

  async #ask(key) {
    const answer = await fetch(`${this.server.ready.url}/v1/verify`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(this.#file('gateway'), 'latin1')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ key, scopes: ['orders.read'] }),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()).code;
  }
}
