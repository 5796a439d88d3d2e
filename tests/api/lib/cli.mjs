// The command line, as a person or a script would use it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PROGRAM, temporaryFolder } from './vault.mjs';

/**
 * Runs `countersign ARGS…` to its end: {status, stdout, stderr, json}. Options: `vault` with `role`
 * or `token` (as COUNTERSIGN_URL and COUNTERSIGN_TOKEN), `input` (all of stdin), `env`, `cwd`, and
 * `program` for another one that runs it.
 * The caller's own login file is out of reach: XDG_CONFIG_HOME is an empty folder.
 */
export async function countersign(t, args, options = {}) {
  const { vault, role, token, input = '', env = {}, cwd, program = PROGRAM } = options;
  const home = await temporaryFolder(t);
  const own = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home, LANG: 'C.UTF-8' };
  if (vault) own.COUNTERSIGN_URL = vault.url;
  if (vault && role) own.COUNTERSIGN_TOKEN = vault.tokens[role];
  if (token) own.COUNTERSIGN_TOKEN = token;
  const child = spawn(program, args, { env: { ...own, ...env }, cwd });
  const out = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => (out[stream] += text));
  child.stdin.on('error', () => {}); // a command that reads no input may end before it is written
  child.stdin.end(input);
  const [status, signal] = await once(child, 'close');
  const json = () => JSON.parse(out.stdout);
  return { status: signal ?? status, ...out, json };
}

/** Starts a command that goes on until it is killed: a child process with line(pattern) beside. */
export function spawnCountersign(t, args, { env = {} } = {}) {
  const child = spawn(PROGRAM, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  let look = () => {};
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      look();
    });
  /** Resolves to what the first group of `pattern` finds in what the command says. */
  child.line = (pattern) => new Promise((resolve, reject) => {
    look = () => pattern.test(text) && resolve(pattern.exec(text)[1]);
    child.on('exit', () => reject(new Error(`ended without ${pattern}:\n${text}`)));
    look();
  });
  return child;
}
