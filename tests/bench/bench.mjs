// make bench: how far the program is from what the library and the disk can do at most.
//
//     bench.mjs BUILD [quick|whole [verification|gateway|creations|…]]
//
// Machines differ, and one machine differs from minute to minute: nothing is judged by itself. Each
// figure is taken in turns with the one that it is divided by, and what counts is the median of the
// ratios within each round. docs/performance.md explains the tables.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { benchAudit } from './audit.mjs';
import { benchCreations } from './creation.mjs';
import { figure } from './figures.mjs';
import { benchGateway } from './gateway.mjs';
import { benchLatency } from './latency.mjs';
import { benchPolicyDiff } from './policy_diff.mjs';
import { benchQueue } from './queue.mjs';
import { benchSlowClients } from './slow.mjs';
import { benchVerification } from './verification.mjs';
import { programs } from './vaults.mjs';

const QUICK = {
  few: 1e3, many: 1e5, warm_s: 2, rounds: 2, seconds: 2, creation_rounds: 2,
  requests: 1e4, queue_rounds: 2, page_s: 1, diff: 1e3, slow_rounds: 2,
  entries: 1e5, audit_rounds: 3,
};
const WHOLE = {
  few: 1e3, many: 1e6, warm_s: 10, rounds: 5, seconds: 4, creation_rounds: 5,
  requests: 1e5, queue_rounds: 3, page_s: 1, diff: 1e4, slow_rounds: 3,
  entries: 1e6, audit_rounds: 7,
};
const MEASUREMENTS = {
  verification: benchVerification, gateway: benchGateway, latency: benchLatency,
  creations: benchCreations, queue: benchQueue, policy: benchPolicyDiff, slow: benchSlowClients,
  audit: benchAudit,
};

const [build = 'build', size, only = Object.keys(MEASUREMENTS).join()] = process.argv.slice(2);
const unknown = only.split(',').filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0) {
  process.stderr.write(`no such measurement: ${unknown}; there are ${Object.keys(MEASUREMENTS)}\n`);
  process.exit(2);
}
const began = performance.now();
/* On a disk: /tmp may be memory, where durable writes cost nothing. */
const folder = mkdtempSync(path.join(process.env.BENCH_DIR ?? '/var/tmp', 'countersign-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    process.stderr.write(`ended by ${signal}\n`);
    process.exit(130);
  });
}

const asked = process.env.CREDENTIALS ? { many: Number(process.env.CREDENTIALS) } : {};
const say = (text) => process.stdout.write(`${text}\n`);
const bench = {
  programs: programs(build),
  folder,
  plan: { ...(size === 'quick' ? QUICK : WHOLE), disk_ms: 500, ...asked },
  say,
};

const busy = os.loadavg()[0].toFixed(1);
say(`${os.cpus()[0].model}, ${os.availableParallelism()} cores, Linux ${os.release()}`);
say(`Load average before it began: ${busy}. Vaults and blocks lie below ${path.dirname(folder)}.`);
for (const name of only.split(',')) await MEASUREMENTS[name](bench);
say(`\nTook ${figure((performance.now() - began) / 1000)} s.`);
