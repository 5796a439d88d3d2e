// What an entry of the audit log costs, and a proof of one, in a short log and in a long one: CPU
// time of one process that does nothing else (audit.c).
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { figure, medianOf, power, ratio, table } from './figures.mjs';
import { run } from './process.mjs';

const COSTS = [
  ['an entry, 64 to a commit', 'group_ns', 1.3],
  ['an entry, a commit each', 'single_ns', 1.3],
  ['a proof', 'proof_ns', null],
];

export async function benchAudit({ programs, folder, plan, say }) {
  const { few, many } = { few: 1e3, many: Number(process.env.AUDIT_ENTRIES ?? plan.entries) };
  const own = path.join(folder, 'audit');
  mkdirSync(own, { mode: 0o700 });
  const began = performance.now();
  const out = await run([programs.audit, own, `${few}`, `${many}`, `${plan.audit_rounds}`]);
  const took = figure((performance.now() - began) / 1000);
  const [size, ...rounds] = out.trim().split('\n').map((line) => JSON.parse(line));
  const line = (what, of, wanted) => {
    const [short, long] = ['few', 'many'].map((which) => medianOf(rounds, (it) => of(it[which])));
    const grown = medianOf(rounds, (it) => of(it.many) / of(it.few));
    return [what, figure(short), figure(long), ratio(grown), wanted ? ratio(wanted) : ''];
  };
  const log2 = ({ entries }) => Math.log2(entries);
  const rows = COSTS.map(([what, key, wanted]) => line(what, (of) => of[key] / 1e3, wanted));
  rows.push(line('hashes in a proof', ({ hashes }) => hashes));
  rows.push(line('binary logarithm of the entries', log2));
  say('\nThe audit log; CPU µs of the process, ratios are of the long log to the short one\n');
  say(table(['', power(few), power(many), 'ratio', 'wanted'], rows));
  const bytes = figure(size.bytes / size.entries);
  say(`\nThe long log takes ${bytes} bytes of the file for each entry. Took ${took} s.`);
  if (many < 1e7) say('make bench-audit has a long log of 10^7.');
}
