// What it costs to name everybody whom a change of the default policy touches: processor time of
// the server and of the command that asks it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { figure, median, table } from './figures.mjs';
import { cpuOf } from './process.mjs';

const COLUMNS = ['credentials', 'touched', 'server CPU s', 'command CPU s', 'sum', 'wanted'];
const WANTED_S = 2;
const ROUNDS = 5;
const TIMED = 'TIMEFORMAT="%U %S"; time "$0" "$@" 2>/dev/null';
const runToEnd = promisify(execFile);

export async function benchPolicyDiff({ programs, folder, plan, say }) {
  process.env.COUNTERSIGN_PROGRAM = programs.countersign;
  const { startVault } = await import('../api/lib/vault.mjs');
  const { effectsOf, populate, proposal, wideDefault } =
    await import('../api/lib/population.mjs');
  const [old, proposed] = ['old.yaml', 'proposed.yaml'].map((name) => path.join(folder, name));
  const text = await wideDefault();
  await writeFile(old, text);
  await writeFile(proposed, proposal(text));
  const vault = await startVault(undefined, { policy: old });
  const live = Math.round(plan.diff / 33);
  const all = await populate(vault, { test: plan.diff, live, open: 0 });
  const wanted = all.filter((one) => effectsOf(one).length > 0).length;

  const command = ['policy', 'diff', old, proposed, '--against', '-o', 'json'];
  const env = { COUNTERSIGN_URL: vault.url, COUNTERSIGN_TOKEN: vault.tokens.admin };
  const measure = async () => {
    const before_s = cpuOf(vault.pid);
    const { stdout, stderr } = await runToEnd(
      'bash', ['-c', TIMED, programs.countersign, ...command], { env, maxBuffer: 1 << 28 });
    assert.equal(JSON.parse(stdout).items.length, wanted);
    const [user_s, system_s] = stderr.trim().split(/\s+/).slice(-2).map(Number);
    return { server_s: cpuOf(vault.pid) - before_s, command_s: user_s + system_s };
  };
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measure());
  await vault.close();
  const of = (get) => median(rounds.map(get));
  say('\nNaming everybody whom a change of the default policy touches\n');
  say(table(COLUMNS, [[
    figure(all.length), figure(wanted), figure(of((it) => it.server_s)),
    figure(of((it) => it.command_s)), figure(of((it) => it.server_s + it.command_s)),
    figure(WANTED_S),
  ]]));
}
