// Durable creations over HTTP beside what the disk does when it is asked for nothing else.
import { figure, inTurns, medianOf, ratio, table } from './figures.mjs';
import { ANY_CORE, load, run } from './process.mjs';
import { Vault } from './vaults.mjs';

const CLIENTS = [
  { count: 1, wanted: 0.2 },
  { count: 32, wanted: 1.5 },
  { count: 128, wanted: 3 },
];
const COLUMNS = ['clients', 'disk/s', 'creations/s', 'p50 µs', 'p99 µs', 'ratio', 'wanted'];

export async function benchCreations({ programs, folder, plan, say }) {
  const vault = await Vault.start(programs, folder, plan.few, ANY_CORE, 'changed');
  const disk = async (how) =>
    Number(await run([programs.fdatasync, how, folder, `${plan.disk_ms}`]));
  const create = (connections, seconds) =>
    load(vault.server, vault.creating, { connections, seconds });
  /* Disks are moody: what it did before a run and after it is what the run is held against. */
  let disk_per_s;
  const measure = async ({ count }) => {
    const before_per_s = disk_per_s;
    const figures = await create(count, plan.seconds);
    disk_per_s = await disk('append');
    return { ...figures, disk_per_s: (before_per_s + disk_per_s) / 2 };
  };
  vault.server.release();
  await create(32, 1);
  disk_per_s = await disk('append');
  const rounds = await inTurns(
    plan.creation_rounds,
    Object.fromEntries(CLIENTS.map((clients) => [clients.count, () => measure(clients)])),
  );
  const row = ({ count, wanted }) => {
    const of = (get) => medianOf(rounds, (round) => get(round[count]));
    const keys = ['disk_per_s', 'per_s', 'p50_us', 'p99_us'];
    const figures = keys.map((key) => figure(of((it) => it[key])));
    return [`${count}`, ...figures, ratio(of((it) => it.per_s / it.disk_per_s)), ratio(wanted)];
  };
  say('\nDurable creations over HTTP; ratios are to appends of 4 KiB, each with fdatasync\n');
  say(table(COLUMNS, CLIENTS.map(row)));
  say(`\nThe disk in place, without a file that grows: ${figure(await disk('overwrite'))}/s`);
  await vault.server.stop();
}
