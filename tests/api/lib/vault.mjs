// A real vault for a test: the program as it is built, on loopback, with a data folder of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Caller } from './caller.mjs';
import { Contract } from './contract.mjs';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const PROGRAM = path.resolve(ROOT, process.env.COUNTERSIGN_PROGRAM ?? 'build/countersign');

/* Bounds for what never ends, on machines that are slow because everything runs at once. */
const READY_MS = 120_000;
const STOP_MS = 120_000;
const running = new Set(); // what would outlive a test process that fails halfway
const folders = new Set();
process.on('exit', () => {
  running.forEach((child) => child.kill('SIGKILL'));
  folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
});
const newAgent = () => new http.Agent({ keepAlive: true, maxSockets: Infinity });
const contracts = new Map(); // text of the document -> Contract: compiled once in a process

/** A folder that is gone at the end: of the test `t`, or else of the process. */
export async function temporaryFolder(t) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'countersign-'));
  folders.add(folder);
  t?.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Starts `countersign dev` and waits until it answers. Options: `data` (a folder that is kept; a
 * fresh one is removed), `policy` (a file), `testClock`, `logLevel`, `args` (further arguments) and
 * `env`. With a test `t`, the vault is stopped at its end.
 */
export async function startVault(t, options = {}) {
  const vault = new Vault(options.data ?? (await temporaryFolder()), options);
  await vault.start();
  t?.after(() => vault.close());
  return vault;
}

export class Vault {
  url;
  tokens;
  accounts;
  contract;
  onAnswer; // a test's own look at every answer, before it is held against the contract
  agent = newAgent();
  #child;
  #exit; // promise of {code, signal}
  #log = '';
  #options;

  constructor(data, options = {}) {
    this.data = data;
    this.#options = options;
  }

  /** The process's id. */
  get pid() {
    return this.#child.pid;
  }
  get runs() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  /** What the process has written to stderr since it was first started. */
  get log() {
    return this.#log;
  }
  /** "developer", "developer_globex", "reviewer", "reviewer2", "admin", "auditor" or "gateway". */
  as(role) {
    assert.ok(this.tokens[role], `no such role: ${role}`);
    return new Caller(this, this.tokens[role]);
  }
  with(token) {
    return new Caller(this, token);
  }
  get anonymous() {
    return new Caller(this);
  }

  /** Starts the process; also again, on the same folder, after stop() or kill(). */
  async start() {
    const { policy, testClock, logLevel = 'info', args = [], env = {} } = this.#options;
    const all = ['dev', '--print', 'json', '--data', this.data, '--listen', '127.0.0.1:0'];
    all.push('--log-level', logLevel);
    if (policy) all.push('--policy', policy);
    if (testClock) all.push('--test-clock');
    this.#child = spawn(PROGRAM, [...all, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const child = this.#child;
    running.add(child);
    this.#exit = new Promise((resolve) => {
      const ended = (code, signal) => running.delete(child) && resolve({ code, signal });
      child.on('exit', ended).on('error', ({ code }) => ended(code, null));
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#log += text));

    const ready = JSON.parse(await this.#firstLine());
    // A file of tests that fails while it is loaded has to end, though nobody stops its vault.
    for (const handle of [child, child.stdout, child.stderr]) handle.unref();
    this.url = ready.url;
    this.tokens = ready.tokens;
    this.accounts = ready.accounts;
    this.contract = await this.#fetchContract();
  }

  /** SIGTERM; the process has to end by itself, with 0. */
  async stop() {
    this.agent.destroy();
    this.#child.kill('SIGTERM');
    await this.exited();
  }

  /** Waits for the process to end by itself, with 0. */
  async exited() {
    const { code, signal } = await this.#ended(STOP_MS);
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `ended badly\n${this.#tail()}`);
  }

  /** SIGKILL: as a crash or the loss of power of one process would. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#ended(STOP_MS);
    this.agent.destroy();
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Stops it if it runs, and removes the data folder unless the test named it. */
  async close() {
    try {
      if (this.runs) await this.stop();
    } finally {
      if (!this.#options.data) await rm(this.data, { recursive: true, force: true });
    }
  }

  /** Turns the server's clocks forward. Needs the option testClock. */
  advance(ms) {
    return this.turn({ advance_ms: ms });
  }

  /**
   * The same with what the call takes beside: `hold`, to stop them but for turning, and `sweep`, to
   * wait until what is due was swept.
   */
  async turn(members) {
    const answer = await this.as('admin').post('/v1/test/clock', members);
    assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
    // For the server its idle connections have waited as long, and are given up.
    if (members.advance_ms > 0) {
      Object.values(this.agent.freeSockets).flat().forEach((socket) => socket.destroy());
      this.agent = newAgent();
    }
    return answer.body;
  }

  /** Resolves once `probe` gives something true; rejects after `limit_ms`. */
  async until(probe, limit_ms = 60_000) {
    const deadline = performance.now() + limit_ms;
    for (;;) {
      const found = await probe();
      if (found) return found;
      assert.ok(performance.now() < deadline, `not within ${limit_ms} ms: ${probe}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #firstLine() {
    return new Promise((resolve, reject) => {
      let text = '';
      const fail = (why) => reject(new Error(`${why}\n${text}${this.#tail()}`));
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        fail(`not ready within ${READY_MS} ms`);
      }, READY_MS);
      this.#exit.then(({ code, signal }) => {
        clearTimeout(timer);
        fail(`ended before it was ready: ${signal ?? code}`);
      });
      this.#child.stdout.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (!text.includes('\n')) return;
        clearTimeout(timer);
        resolve(text.slice(0, text.indexOf('\n')));
      });
    });
  }

  async #ended(limit_ms) {
    this.#child.ref();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), limit_ms);
    const ending = await this.#exit;
    clearTimeout(timer);
    return ending;
  }

  async #fetchContract() {
    const { text, body } = await this.anonymous.get('/openapi.json', { unchecked: true });
    if (!contracts.has(text)) contracts.set(text, new Contract(body));
    return contracts.get(text);
  }

  #tail() {
    return this.#log.slice(-4000);
  }
}
