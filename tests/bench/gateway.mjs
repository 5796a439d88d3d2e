// What gateways ask by headers, beside a bare server; and many questions in one call, beside the
// same number of calls.
import { figure, inTurns, medianOf, power, ratio, table } from './figures.mjs';
import { SERVER_CORE } from './process.mjs';
import { Vault, smallest, startBare } from './vaults.mjs';
import { COLUMNS, measure, row } from './verification.mjs';

const CONNECTIONS = 32;
const BATCHING = 4; // connections: enough to keep the server busy
const BATCH = 256;

async function byHeaders({ plan, say }, { bare, headers, few, many }) {
  const on = (server, work) => () => measure(server, work, CONNECTIONS, plan.seconds);
  const rounds = await inTurns(plan.rounds, {
    smallest: on(bare, smallest),
    get: on(bare, few.authorizing),
    headers: on(headers, few.authorizing),
    few: on(few.server, few.authorizing),
    many: on(many.server, many.authorizing),
  });
  say(`\nGateways, ${CONNECTIONS} connections; ratios are to the bare GET (CPU: 1.30 wanted)\n`);
  say(table(COLUMNS, [
    row(rounds, 'bare GET, the smallest', 'smallest', 'get'),
    row(rounds, 'bare GET', 'get', 'get'),
    row(rounds, 'bare GET, answered by 13 headers', 'headers', 'get'),
    row(rounds, `GET /v1/authorize, ${power(plan.few)} credentials`, 'few', 'get'),
    row(rounds, `GET /v1/authorize, ${power(plan.many)} credentials`, 'many', 'get'),
  ]));
}

async function inBatches({ plan, say }, { few, many }) {
  const on = ({ server, verifying, batching }) => ({
    single: () => measure(server, verifying, CONNECTIONS, plan.seconds),
    batch: () => measure(server, batching, BATCHING, plan.seconds),
  });
  const rows = [];
  for (const [count, vault] of [[plan.few, few], [plan.many, many]]) {
    const rounds = await inTurns(plan.rounds, on(vault));
    const single = medianOf(rounds, (round) => round.single.cpu_us);
    const each = medianOf(rounds, (round) => round.batch.cpu_us / BATCH);
    const times = medianOf(rounds, ({ single, batch }) => single.cpu_us / (batch.cpu_us / BATCH));
    rows.push([power(count), figure(single), figure(each), ratio(times)]);
  }
  say(`\nVerifications per CPU second, ${BATCH} in a call against one (6.00 wanted)\n`);
  say(table(['credentials', 'CPU µs, single', 'CPU µs, in a batch', 'times'], rows));
}

export async function benchGateway(bench) {
  const { programs, folder, plan } = bench;
  const servers = {
    bare: await startBare(programs.bare, 'loop', SERVER_CORE),
    headers: await startBare(programs.bare, 'headers', SERVER_CORE),
    few: await Vault.start(programs, folder, plan.few, SERVER_CORE),
    many: await Vault.start(programs, folder, plan.many, SERVER_CORE),
  };
  for (const vault of [servers.few, servers.many]) {
    await vault.check();
    await measure(vault.server, vault.authorizing, CONNECTIONS, plan.warm_s);
  }
  await byHeaders(bench, servers);
  await inBatches(bench, servers);
  for (const server of Object.values(servers)) await (server.server ?? server).stop();
}
