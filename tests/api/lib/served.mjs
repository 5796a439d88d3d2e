// `countersign serve` with a configuration of one's own, for tests of what only a configuration can
// say. Most tests want `dev` (vault.mjs).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { countersign } from './cli.mjs';
import { PROGRAM, temporaryFolder } from './vault.mjs';

const run = promisify(execFile);

/** A vault made by `init` in a folder of its own: {folder, config, admin, write(listen)}. */
export async function makeVault(t) {
  const folder = await temporaryFolder(t);
  const config = path.join(folder, 'countersign.yaml');
  const write = (text) => writeFile(config, 'version: 1\n' +
    `data: ${folder}/data\nroot_key: { file: ${folder}/root.key }\n${text}`);
  await write('');
  const made = await countersign(t, ['init', '--config', config, '--admin', 'admin@a.example',
    '--allow-unlocked-memory']);
  assert.equal(made.status, 0, made.stderr);
  return { folder, config, admin: made.stdout.trim(), write };
}

/**
 * Serves it: {child, log(), said(pattern), end()}; `said` resolves to the first group of what the
 * log says so. It is ended with the test.
 */
export async function serve(t, { config }, { args = [], env = {}, stdio = [], command } = {}) {
  const all = ['serve', '--config', config, '--allow-unlocked-memory', ...args];
  const [program, ...before] = command ?? [PROGRAM];
  const child = spawn(program, [...before, ...all], {
    env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'pipe', ...stdio],
  });
  let log = '';
  let look = () => {};
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
    look();
  });
  const exit = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  const said = (pattern) => new Promise((resolve, reject) => {
    look = () => pattern.test(log) && resolve(pattern.exec(log)[1]);
    exit.then(() => reject(new Error(`ended without ${pattern}:\n${log}`)));
    look();
  });
  const end = async (signal = 'SIGTERM') => {
    child.kill(signal);
    return (await exit)[0];
  };
  return { child, log: () => log, said, end, exit };
}

/** A certificate for this machine, signed by itself: {certificate, key}, paths below the folder. */
export async function makeCertificate(folder, name) {
  const certificate = path.join(folder, `${name}.pem`);
  const key = path.join(folder, `${name}.key`);
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']);
  await chmod(key, 0o600);
  return { certificate, key };
}
