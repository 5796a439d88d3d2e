// The reviewers' queue: first pages and counts of a vault with few requests and of one with many.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, inTurns, medianOf, power, ratio, table } from './figures.mjs';
import { LOAD_CORE, SERVER_CORE, Server, load, run } from './process.mjs';

const POLICY = fileURLToPath(new URL('queue.yaml', import.meta.url));
const FEW = 100;
const WANTED = 1.5;
const COLUMNS = ['', 'CPU µs', 'p50 µs', 'CPU µs', 'p50 µs', 'CPU', 'p50', 'wanted'];

/*
 * What is asked for, by whom. 50 requests wait for security, and all others for platform. Half of
 * these could come to be catalogue's, if there were evidence, so that they are looked at one by one
 * and none is found: no page can be worse.
 */
const QUESTIONS = {
  assigned: ['the queue of a small group', 'security', '?assigned=me&order=oldest'],
  theirs: ['the queue of everybody else', 'platform', '?assigned=me&order=oldest'],
  pending: ['pending, oldest first', 'security', '?state=pending&order=oldest'],
  newest: ['all, newest first', 'security', ''],
  account: ['pending, of one account', 'security', '?state=pending&account_id='],
  counts: ['counts', 'security', '/counts'],
};
const WORST = ['nothing found in 2,000 of others', 'catalogue', '?assigned=me'];

class Desk {
  #own;

  static async start(programs, folder, count) {
    const desk = new Desk();
    const own = path.join(folder, `queue-${count}`);
    const data = path.join(own, 'data');
    desk.#own = own;
    desk.count = count;
    mkdirSync(own, { mode: 0o700 });
    const began = performance.now();
    await run([programs.seed_requests, data, `${count}`, POLICY, own]);
    const took_s = (performance.now() - began) / 1000;
    process.stderr.write(`seeded ${power(count)} requests in ${figure(took_s)} s\n`);
    const command = [programs.countersign, 'dev', '--data', data, '--policy', POLICY];
    const listen = ['--listen', '127.0.0.1:0', '--print', 'json'];
    desk.server = await Server.start([...command, ...listen], SERVER_CORE);
    return desk;
  }

  #read(name) {
    return readFileSync(path.join(this.#own, name), 'latin1');
  }

  /** GET below /v1/requests, by the reviewer of that group. */
  work([, group, query]) {
    const what = query.endsWith('account_id=') ? query + this.#read('account') : query;
    return { script: 'page.lua', args: [`/v1/requests${what}`, path.join(this.#own, group)] };
  }

  async #get([, group, query]) {
    const answer = await fetch(`${this.server.ready.url}/v1/requests${query}`, {
      headers: { authorization: `Bearer ${this.#read(group)}` },
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  }

  /** A quick answer is worth nothing if it is wrong. */
  async check() {
    this.server.release();
    const page = await this.#get(QUESTIONS.assigned);
    assert.equal(page.items.length, 25);
    for (const { rule } of page.items) assert.equal(rule.name, 'writing');
    const counts = await this.#get(QUESTIONS.counts);
    assert.equal(counts.assigned, 50);
    const all = Object.values(counts.states).reduce((sum, count) => sum + count);
    assert.equal(all, this.count);
    assert.equal((await this.#get(WORST)).items.length, 0);
    this.server.hold();
  }

  /** One run of one question, on one connection: a page's own time, and the CPU that it takes. */
  async measure(question, seconds) {
    this.server.release();
    const before_s = this.server.cpu_s();
    const work = this.work(question);
    const figures = await load(this.server, work, { connections: 1, seconds, core: LOAD_CORE });
    const cpu_s = this.server.cpu_s() - before_s;
    this.server.hold();
    return { ...figures, cpu_us: (cpu_s * 1e6) / figures.requests };
  }
}

function row(rounds, name, [label], wanted) {
  const of = (get) => medianOf(rounds, (round) => get(round[`${name} few`], round[`${name} many`]));
  const figures = [
    of((few) => few.cpu_us), of((few) => few.p50_us),
    of((_, many) => many.cpu_us), of((_, many) => many.p50_us),
  ];
  const ratios = [
    of((few, many) => many.cpu_us / few.cpu_us), of((few, many) => many.p50_us / few.p50_us),
  ];
  return [label, ...figures.map(figure), ...ratios.map(ratio), wanted];
}

export async function benchQueue({ programs, folder, plan, say }) {
  const few = await Desk.start(programs, folder, FEW);
  const many = await Desk.start(programs, folder, plan.requests);
  const questions = Object.entries({ ...QUESTIONS, worst: WORST });
  const measurements = questions.flatMap(([name, question]) => [
    [`${name} few`, () => few.measure(question, plan.page_s)],
    [`${name} many`, () => many.measure(question, plan.page_s)],
  ]);
  await few.check();
  await many.check();
  await inTurns(1, Object.fromEntries(measurements));
  const rounds = await inTurns(plan.queue_rounds, Object.fromEntries(measurements));
  say(`\nFirst pages of 25 requests, of ${power(FEW)} requests and of ${power(plan.requests)}\n`);
  say(table(COLUMNS, [
    ...Object.entries(QUESTIONS).map(([name, it]) => row(rounds, name, it, `< ${ratio(WANTED)}`)),
    row(rounds, 'worst', WORST, ''),
  ]));
  for (const desk of [few, many]) await desk.server.stop();
}
