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
  ['hashes in a proof', 'hashes', null],
];

export async function benchAudit({ programs, folder, plan, say }) {
  const { few, many } = { few: 1e3, many: Number(process.env.AUDIT_ENTRIES ?? plan.entries) };
  const own = path.join(folder, 'audit');
  mkdirSync(own, { mode: 0o700 });
  const out = await run([programs.audit, own, `${few}`, `${many}`, `${plan.audit_rounds}`]);
  const [size, ...rounds] = out.trim().split('\n').map((line) => JSON.parse(line));
  /* Times in µs; so many hashes a path has at most: the logarithm. */
  const row = ([what, key, wanted]) => {
    const unit = key.endsWith('_ns') ? 1e3 : 1;
    const of = (which) => medianOf(rounds, (round) => round[which][key] / unit);
    const grown = medianOf(rounds, (round) => round.many[key] / round.few[key]);
    return [what, figure(of('few')), figure(of('many')), ratio(grown), wanted ? ratio(wanted) : ''];
  };
  say('\nThe audit log; CPU µs of the process, ratios are of the long log to the short one\n');
  say(table(['', power(few), power(many), 'ratio', 'wanted'], COSTS.map(row)));
  const bytes = figure(size.bytes / size.entries);
  say(`\nThe long log takes ${bytes} bytes of the file for each entry.`);
}
