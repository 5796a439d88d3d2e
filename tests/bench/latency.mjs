// How long the slowest of a hundred verifications takes: beside a bare server, and while others
// create credentials, each answered when it is durable.
import { figure, inTurns, medianOf, ratio, table } from './figures.mjs';
import { LOAD_CORE, SERVER_CORE, load } from './process.mjs';
import { Vault, startBare } from './vaults.mjs';

const CREATORS = 64;
const HEAD_START_MS = 500;
const CONNECTIONS = [
  { count: 32, wanted: 1.5 },
  { count: 128, wanted: 1.8 },
];
const BESIDE_CREATORS = 2;

/** One run on a server that is released for it alone; `work` with `creating` beside, if given. */
async function take(server, work, connections, seconds, creating) {
  server.release();
  const lasts = seconds + (2 * HEAD_START_MS) / 1000;
  const others = creating &&
    load(server, creating, { connections: CREATORS, seconds: lasts, core: LOAD_CORE });
  others?.catch(() => {}); // it is awaited below; until then it may fail unheard
  if (others) await new Promise((resolve) => setTimeout(resolve, HEAD_START_MS));
  const figures = await load(server, work, { connections, seconds, core: LOAD_CORE });
  const created = await others;
  server.hold();
  return { ...figures, created_per_s: created?.per_s };
}

async function against({ plan, say }, bare, vault) {
  const { server, verifying, creating } = vault;
  const measurements = {};
  for (const { count } of CONNECTIONS) {
    measurements[`bare${count}`] = () => take(bare, verifying, count, plan.seconds);
    measurements[`quiet${count}`] = () => take(server, verifying, count, plan.seconds);
    measurements[`busy${count}`] = () => take(server, verifying, count, plan.seconds, creating);
  }
  const rounds = await inTurns(plan.rounds, measurements);
  const row = (label, name, base, wanted) => [
    label,
    ...['per_s', 'p50_us', 'p99_us'].map((key) => figure(medianOf(rounds, (it) => it[name][key]))),
    ratio(medianOf(rounds, (it) => it[name].p99_us / it[base].p99_us)),
    wanted ? ratio(wanted) : '',
  ];
  const rows = CONNECTIONS.flatMap(({ count, wanted }) => [
    row(`bare POST, ${count}`, `bare${count}`, `bare${count}`),
    row(`POST /v1/verify, ${count}`, `quiet${count}`, `bare${count}`, wanted),
    row(`the same beside ${CREATORS} creators`, `busy${count}`, `quiet${count}`, BESIDE_CREATORS),
  ]);
  say('\np99 by connections: to that of the bare server; beside creators to that without them\n');
  say(table(['', 'requests/s', 'p50 µs', 'p99 µs', 'p99 ratio', 'wanted'], rows));
  const created = medianOf(rounds, (it) => it[`busy${CONNECTIONS[0].count}`].created_per_s);
  say(`\nMeanwhile ${figure(created)} credentials a second were created.`);
}

export async function benchLatency(bench) {
  const { programs, folder, plan } = bench;
  const bare = await startBare(programs.bare, 'loop', SERVER_CORE);
  const vault = await Vault.start(programs, folder, plan.few, SERVER_CORE, 'changed');
  await vault.check();
  await take(vault.server, vault.verifying, CONNECTIONS[0].count, 1);
  await against(bench, bare, vault);
  await bare.stop();
  await vault.server.stop();
}
