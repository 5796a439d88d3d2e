// The processes of a measurement: servers that are held still while others are measured, the load
// generator, and programs that run to their end. All of them end with this process.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const READY_MS = 60_000;
const STOP_MS = 60_000;
const TICKS_PER_S = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const runToEnd = promisify(execFile);
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Where what is measured runs, and the load on it; with one core they share it. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
export const ANY_CORE = null;
const can_pin = os.availableParallelism() >= 2;

/** The command that runs `command` there. */
export function onCore(core, command) {
  return can_pin && core !== ANY_CORE ? ['taskset', '-c', `${core}`, ...command] : command;
}

function firstLine(child, log) {
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (why) => reject(new Error(`${child.spawnargs.join(' ')}: ${why}\n${log()}`));
    const timer = setTimeout(() => fail(`not ready within ${READY_MS} ms`), READY_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', () => fail('ended before it was ready'));
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(text.slice(0, text.indexOf('\n')));
    });
  });
}

/** Seconds of processor time that a process has used, of its own and in the kernel. */
export function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on: the state
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** A server whose first line of output says, as a URL or as JSON with one, where it listens. */
export class Server {
  #child;
  #log = '';

  /** Starts it, held. `ready` is what it said, with `url` in it. */
  static async start(command, core) {
    const server = new Server();
    const [program, ...args] = onCore(core, command);
    server.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(server.#child);
    server.#child.once('exit', () => running.delete(server.#child));
    server.#child.stderr.setEncoding('utf8').on('data', (text) => (server.#log += text));
    const line = await firstLine(server.#child, () => server.#log);
    server.ready = line.startsWith('{') ? JSON.parse(line) : { url: line };
    server.hold();
    return server;
  }

  /** A held server neither answers nor writes behind: it takes nothing from another's run. */
  hold() {
    this.#child.kill('SIGSTOP');
  }

  release() {
    this.#child.kill('SIGCONT');
  }

  cpu_s() {
    return cpuOf(this.#child.pid);
  }

  /** Resident bytes that are not pages of a mapped file. */
  anonymous_bytes() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]);
  }

  async stop() {
    const exit = once(this.#child, 'exit');
    this.release();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const [code, signal] = await exit;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`a server ended with ${code ?? signal}\n${this.#log}`);
  }
}

/** Runs a program to its end, and gives what it printed. */
export async function run(command, core = ANY_CORE, options = {}) {
  const [program, ...args] = onCore(core, command);
  return (await runToEnd(program, args, options)).stdout;
}

/**
 * One run of wrk, on one thread: {requests, per_s, p50_us, p99_us}. `work` says what it does:
 * {script, args}. A run in which any request was refused or broke is no measurement.
 */
export async function load(server, work, { connections, seconds, core = ANY_CORE }) {
  const { url } = server.ready;
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s'];
  const text = await run([...wrk, work.script, url, '--', ...work.args], core, { cwd: HERE });
  const line = text.split('\n').find((it) => it.startsWith('figures '));
  const figures = JSON.parse(line.slice('figures '.length));
  if (figures.requests === 0 || figures.refused > 0 || figures.broken > 0)
    throw new Error(`${work.script} on ${url}: not every request was answered well\n${text}`);
  return { ...figures, per_s: (figures.requests * 1e6) / figures.duration_us };
}
