// Verification over HTTP beside a bare server, by the number of credentials and of connections.
import { figure, inTurns, medianOf, power, ratio, table } from './figures.mjs';
import { LOAD_CORE, SERVER_CORE, load } from './process.mjs';
import { Vault, smallest, startBare } from './vaults.mjs';

const FEW = 32; // connections
const MANY = 512;
export const COLUMNS = ['', 'requests/s', 'CPU µs', 'p50 µs', 'p99 µs', 'throughput', 'CPU'];

/** One run on one server, which is released for it alone: figures of wrk, and CPU per request. */
export async function measure(server, work, connections, seconds) {
  server.release();
  const before_s = server.cpu_s();
  const figures = await load(server, work, { connections, seconds, core: LOAD_CORE });
  const cpu_s = server.cpu_s() - before_s;
  server.hold();
  return { ...figures, cpu_us: (cpu_s * 1e6) / figures.requests };
}

/** A row about the measurement `name`, with its ratios to the measurement `base`. */
export function row(rounds, label, name, base) {
  const of = (key) => medianOf(rounds, (round) => round[name][key]);
  const beside = (key) => medianOf(rounds, (round) => round[name][key] / round[base][key]);
  const figures = ['per_s', 'cpu_us', 'p50_us', 'p99_us'].map((key) => figure(of(key)));
  return [label, ...figures, ratio(beside('per_s')), ratio(beside('cpu_us'))];
}

async function byCredentials({ plan, say }, { loop, poll, few, many }) {
  const on = (server, work) => () => measure(server, work, FEW, plan.seconds);
  const rounds = await inTurns(plan.rounds, {
    get: on(loop, smallest),
    poll: on(poll, few.verifying),
    post: on(loop, few.verifying),
    few: on(few.server, few.verifying),
    many: on(many.server, many.verifying),
  });
  say(`\nVerification over HTTP, ${FEW} connections; ratios are to the bare POST\n`);
  say(
    table(COLUMNS, [
      row(rounds, 'bare GET', 'get', 'post'),
      row(rounds, 'bare POST, poll thread', 'poll', 'post'),
      row(rounds, 'bare POST', 'post', 'post'),
      row(rounds, `POST /v1/verify, ${power(plan.few)} credentials`, 'few', 'post'),
      row(rounds, `POST /v1/verify, ${power(plan.many)} credentials`, 'many', 'post'),
    ]),
  );
  const growth = medianOf(rounds, (round) => round.many.cpu_us / round.few.cpu_us);
  const wanted = plan.many > 1e6 ? 1.35 : 1.2;
  const against = `${power(plan.many)} against ${power(plan.few)}`;
  say(`\nCPU per request, ${against}: ${ratio(growth)} (${ratio(wanted)} wanted)`);
  sayMemory(say, plan, [few.server.anonymous_bytes(), many.server.anonymous_bytes()]);
  if (plan.many < 1e7) say('make bench-large has 10^7 credentials.');
}

/** After the same requests on both: what each credential takes beside its pages of the file. */
function sayMemory(say, plan, bytes) {
  const each = Math.max(0, bytes[1] - bytes[0]) / (plan.many - plan.few);
  const [few, many] = bytes.map((count) => `${figure(count / 1e6)} MB`);
  say(`Resident without the mapped file: ${few} and ${many}, ${figure(each)} bytes a credential ` +
    '(64 wanted)');
}

async function byConnections({ plan, say }, { loop, few }) {
  const on = (server, connections) => () =>
    measure(server, few.verifying, connections, plan.seconds);
  const rounds = await inTurns(plan.rounds, {
    bare_few: on(loop, FEW),
    bare_many: on(loop, MANY),
    few: on(few.server, FEW),
    many: on(few.server, MANY),
  });
  say(`\n${MANY} connections; ratios are to ${FEW} on the same server (throughput: 0.60 wanted)\n`);
  say(
    table(COLUMNS, [
      row(rounds, `bare POST, ${FEW}`, 'bare_few', 'bare_few'),
      row(rounds, `bare POST, ${MANY}`, 'bare_many', 'bare_few'),
      row(rounds, `POST /v1/verify, ${FEW}`, 'few', 'few'),
      row(rounds, `POST /v1/verify, ${MANY}`, 'many', 'few'),
    ]),
  );
}

export async function benchVerification(bench) {
  const { programs, folder, plan } = bench;
  const servers = {
    loop: await startBare(programs.bare, 'loop', SERVER_CORE),
    poll: await startBare(programs.bare, 'poll', SERVER_CORE),
    few: await Vault.start(programs, folder, plan.few, SERVER_CORE),
    many: await Vault.start(programs, folder, plan.many, SERVER_CORE),
  };
  for (const vault of [servers.few, servers.many]) {
    await vault.check();
    await measure(vault.server, vault.verifying, FEW, plan.warm_s);
  }
  await byCredentials(bench, servers);
  await byConnections(bench, servers);
  for (const server of Object.values(servers)) await (server.server ?? server).stop();
}
