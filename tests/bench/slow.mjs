// Verification beside clients that hardly speak or hardly listen: what these take from others.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { figure, inTurns, medianOf, ratio, table } from './figures.mjs';
import { LOAD_CORE, SERVER_CORE, load, onCore } from './process.mjs';
import { Vault } from './vaults.mjs';

const CONNECTIONS = 32; // of wrk
const SLOW = 500;
const ARRIVAL_MS = 2_000; // at 500 a second they are all there

const kinds = {
  headers: ['-H', '-t', 'POST', '-f', 'application/json', '/v1/claims'],
  bodies: ['-B', '-t', 'POST', '-f', 'application/json', '-s', '4096', '/v1/claims'],
  reads: ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32', '-k', '3', '/openapi.json'],
};

async function beside(server, work, seconds, kind) {
  const path = kinds[kind].at(-1);
  const args = kinds[kind].slice(0, -1);
  const lasts_s = seconds + ARRIVAL_MS / 1000 + 2;
  const many = ['-c', `${SLOW}`, '-r', `${SLOW}`, '-i', '1', '-p', '5', '-l', `${lasts_s}`];
  // Beside wrk and behind it: what the slow ones take of a core delays nobody.
  const command = ['nice', '-n', '19', 'slowhttptest', ...args, ...many];
  const [program, ...rest] = onCore(LOAD_CORE, [...command, '-u', server.ready.url + path]);
  const child = spawn(program, rest, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
  try {
    return await load(server, work, { connections: CONNECTIONS, seconds, core: LOAD_CORE });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

export async function benchSlowClients({ programs, folder, plan, say }) {
  const vault = await Vault.start(programs, folder, plan.few, SERVER_CORE);
  const { server, verifying } = vault;
  await vault.check();
  server.release();
  const quiet = () =>
    load(server, verifying, { connections: CONNECTIONS, seconds: plan.seconds, core: LOAD_CORE });
  const slow = (kind) => () => beside(server, verifying, plan.seconds, kind);
  const rounds = await inTurns(plan.slow_rounds, {
    quiet,
    headers: slow('headers'),
    bodies: slow('bodies'),
    reads: slow('reads'),
  });
  await server.stop();
  const row = (label, name) => [
    label,
    ...['per_s', 'p50_us', 'p99_us'].map((key) => figure(medianOf(rounds, (it) => it[name][key]))),
    ratio(medianOf(rounds, (it) => it[name].p99_us / it.quiet.p99_us)),
  ];
  say(`\nVerification on ${CONNECTIONS} connections beside ${SLOW} slow clients (2.00 wanted)\n`);
  say(
    table(['', 'requests/s', 'p50 µs', 'p99 µs', 'p99 ratio'], [
      row('nobody else', 'quiet'),
      row('slow headers (slowhttptest -H)', 'headers'),
      row('slow bodies (-B)', 'bodies'),
      row('slow readers (-X)', 'reads'),
    ]),
  );
}
