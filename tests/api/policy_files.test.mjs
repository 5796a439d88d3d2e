// Policies as files, without a server: what `countersign policy` makes of them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import yaml from 'js-yaml';
import { countersign } from './lib/cli.mjs';
import { readDocument, readerFolder } from './lib/examples.mjs';
import { ROOT, temporaryFolder } from './lib/vault.mjs';

const WRONG = 'tests/data/policy';
const EXAMPLES = 'examples/policies';
const DEFAULT = 'policy/default.yaml';
const run = (t, ...args) => countersign(t, ['policy', ...args], { cwd: ROOT });
const load = (file) => yaml.load(readFileSync(path.join(ROOT, file), 'utf8'));

/* One mistake each: where it is, what is wrong, and what would be right. */
const mistakes = [
  ['unknown-key', 2, 1, /a policy has no key `brnad`; did you mean `brand`\?/],
  ['rule-key', 15, 42, /a rule has no key `commment`; did you mean `comment`\?/],
  ['when-key', 15, 32, /`when` has no key `scope`; did you mean `scopes`\?/],
  ['max-active-text', 12, 17, /must be a whole number from 1 to 1000, not `two`/],
  ['bundle-unknown-scope', 7, 51, /unknown scope `order.read`; did you mean `orders.read`\?/],
  ['duplicate-scope', 5, 3, /`orders.read` is given twice; the first is at 3:3, keep one/],
  ['rule-catch-all-first', 16, 9, /is never reached: rule `any` on line 15 takes .* move it/],
  ['rule-quorum-too-many-people', 17, 9, /needs 3 people, and `approvals` asks for 2; raise/],
  ['rule-quorum-not-in-groups', 18, 27, /`security` is not among `groups`, .*; add it there/],
  ['rule-separation-bare-group', 17, 27, /for a group write `group:contractors`/],
  ['rule-separation-unknown', 17, 27, /did you mean `account_members`\?/],
  ['rule-outlives-mode', 17, 9, /beyond the mode's `expires_after`, 90d; shorten it/],
  ['rule-escalate-too-late', 17, 21, /expires after 7d, before it would be escalated; shorten/],
  ['rule-escalate-misspelt', 17, 21, /`escalate` has no key `afer`; did you mean `after`\?/],
  ['rule-quorum-group-form', 17, 27, /`Security Team` is no group; a group is a word of lower/],
  ['rule-rate-form', 17, 21, /must be a rate such as 100\/1m, of a time from 1s to 1d, not/],
  ['tab-indent', 3, 1, /indent with spaces/],
];

for (const [name, line, column, pattern] of mistakes)
  test(`says where and how ${name} is wrong, and what would be right`, async (t) => {
    const file = `${WRONG}/${name}/input.yaml`;
    const { status, stdout, stderr } = await run(t, 'check', file);
    assert.equal(status, 6, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^countersign: this policy can not be used:\n/);
    assert.ok(stderr.includes(`${file}:${line}:${column}: `), stderr);
    assert.match(stderr, pattern);
    const json = await run(t, 'check', file, '-o', 'json');
    assert.equal(json.status, 6);
    const { valid, errors } = json.json();
    assert.equal(valid, false);
    const told = errors.find((error) => error.line === line && error.column === column);
    assert.match(told.message, pattern);
  });

test('says it of every wrong file as the program that is tested piece by piece does', async (t) => {
  for (const name of readdirSync(path.join(ROOT, WRONG))) {
    const file = `${WRONG}/${name}/input.yaml`;
    const expected = readFileSync(path.join(ROOT, WRONG, name, 'expect'), 'utf8');
    const { status, stderr } = await run(t, 'check', file);
    assert.equal(status, 6, name);
    const told = stderr.split('\n').slice(1).map((line) => line.slice(file.length + 1).trimStart());
    assert.equal(told.join('\n'), expected.replaceAll('\\', '\\\\'), name);
  }
});

test('tries a policy on what is expected of it', async (t) => {
  const good = await run(t, 'test', 'policy/default.test.yaml', `${EXAMPLES}/two-teams.test.yaml`);
  assert.deepEqual([good.status, good.stderr], [0, '']);
  assert.match(good.stdout, /^\d+ cases, 0 failed\n$/);

  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'cases', 'a.test.yaml');
  await mkdir(path.dirname(file));
  await writeFile(path.join(folder, 'policy.yaml'), readFileSync(path.join(ROOT, DEFAULT)));
  await writeFile(file, `version: 1
policy: ../policy.yaml
cases:
  - name: right
    given: { scopes: [orders.read] }
    expect: { approvals: 1 }
  - name: wrong
    given: { scopes: [orders.write] }
    expect:
      approvals: 1
      rule: otherwise
`);
  const bad = await run(t, 'test', file);
  assert.equal(bad.status, 1);
  const why = '    Rule "high-risk" decides because orders.write is of high risk; it needs 2 '
    + 'approvals by different people.\n';
  assert.equal(bad.stdout, `${file}:10:7: wrong: approvals: expected 1, got 2\n${why}`
    + `${file}:11:7: wrong: rule: expected otherwise, got high-risk\n${why}2 cases, 1 failed\n`);
  const json = await run(t, 'test', file, '-o', 'json');
  assert.equal(json.status, 1);
  const { cases, failed, failures } = json.json();
  assert.deepEqual([cases, failed, failures.length], [2, 1, 2]);
  const { why: because, ...place } = failures[0];
  assert.deepEqual(place, {
    file, line: 10, column: 7, case: 'wrong', key: 'approvals', expected: '1', got: '2',
  });
  assert.match(because, /high risk/);

  /* The policy that is proposed, in the place of the one that the file names. */
  const proposed = path.join(folder, 'proposed.yaml');
  const text = readFileSync(path.join(ROOT, DEFAULT), 'utf8');
  const narrower = 'when: { any_scopes: "payments.*" }';
  await writeFile(proposed, text.replace('when: { risk: high }', narrower));
  assert.equal((await run(t, 'test', '--policy', proposed, file)).status, 0);

  /* What can not be used at all. */
  await writeFile(path.join(folder, 'wrong.yaml'), 'version: 1\ncases: [{ name: a }]\n');
  const wrong = await run(t, 'test', path.join(folder, 'wrong.yaml'));
  assert.equal(wrong.status, 6);
  assert.match(wrong.stderr, /wrong\.yaml:2:9: a case needs the key `given`\n/);
  const alone = path.join(folder, 'alone.yaml');
  await writeFile(alone, 'version: 1\ncases: [{ name: a, given: {}, expect: { rule: x } }]\n');
  assert.equal((await run(t, 'test', alone)).status, 2);
  assert.equal((await run(t, 'test', '--policy', alone, alone)).status, 6);
  assert.equal((await run(t, 'test', path.join(folder, 'none.yaml'))).status, 1);
  assert.equal((await run(t, 'test')).status, 2);
});

test('prints the schema that editors take, as it lies beside the policy', async (t) => {
  const { status, stdout } = await run(t, 'schema');
  assert.equal(status, 0);
  assert.equal(stdout, readFileSync(path.join(ROOT, 'policy/policy.schema.json'), 'utf8'),
    'make schema writes it anew');
  const schema = JSON.parse(stdout);
  const ajv = new Ajv({ strict: true, allErrors: true });
  assert.ok(ajv.validateSchema(schema));
  const takes = ajv.compile(schema);
  const right = [DEFAULT, ...readdirSync(path.join(ROOT, EXAMPLES))
    .filter((name) => !name.endsWith('.test.yaml')).map((name) => `${EXAMPLES}/${name}`)];
  assert.ok(right.length >= 2);
  for (const file of right) {
    assert.ok(takes(load(file)), `${file}: ${ajv.errorsText(takes.errors)}`);
    assert.equal((await run(t, 'check', file)).status, 0, file);
  }
  /* It knows types, bounds and names of keys, and not what only the whole file shows. */
  const wrong = readdirSync(path.join(ROOT, WRONG)).flatMap((name) => {
    try {
      return [[name, load(`${WRONG}/${name}/input.yaml`)]];
    } catch {
      return []; // not even YAML
    }
  });
  const refused = wrong.filter(([, document]) => !takes(document)).map(([name]) => name);
  const known = 'unknown-key rule-key when-key max-active-zero rate-form rule-rate-form '
    + 'rule-quorum-zero rule-quorum-five-groups rule-quorum-group-form rule-separation-unknown '
    + 'rule-escalate-misspelt rule-escalate-to-nobody scope-name brand-long on-leak comment-bool';
  for (const name of known.split(' ')) assert.ok(refused.includes(name), name);
  assert.ok(refused.length > wrong.length / 2, `${refused.length} of ${wrong.length}`);
  /* Every property is explained to who writes it. */
  const explain = ({ properties = {}, items, additionalProperties, anyOf = [] }, at) => {
    for (const [key, property] of Object.entries(properties)) {
      assert.match(property.description, /^.+[.]$/, `${at}/${key}`);
      explain(property, `${at}/${key}`);
    }
    for (const inside of [items, additionalProperties, ...anyOf])
      if (inside) explain(inside, at);
  };
  explain(schema, '');
});

test('explains what a file makes of a request, as a vault explains its own', async (t) => {
  const file = `${EXAMPLES}/two-teams.yaml`;
  const explain = (...args) => run(t, 'explain', '--policy', file, '-o', 'json', ...args);
  const cases = [
    [['--scope', 'refunds.write'], 'money goes out', 3, /^days_active 0 of 5/],
    [['--scope', '*'], 'money goes out', 3, /^days_active 0 of 5/],
    [['--scope', 'orders.write', '--scope', 'products.read,orders.read'], 'high risk', 2],
    [['--bundle', 'bookkeeping', '--tag', 'partner'], 'partners keep books', 1],
    [['--bundle', 'bookkeeping', '--tag', 'other'], 'high risk', 2],
    [['--bundle', 'catalog-sync'], 'otherwise', 1],
    [['--mode', 'test', '--scope', '*'], null, 0],
  ];
  for (const [args, rule, approvals, missing] of cases) {
    const { status, stderr, json } = await explain(...args);
    assert.equal(status, 0, stderr);
    const told = json();
    assert.deepEqual([told.rule, told.approvals], [rule, approvals], args.join(' '));
    if (missing) assert.match(told.evidence_missing, missing);
    else assert.equal(told.evidence_missing, null);
    assert.match(told.why, rule ? new RegExp(`^Rule "${rule}" decides because `) : /self-service/);
  }
  const { quorum, separation, not_groups, expires_within_s, rate_limit, rate_burst } =
    (await explain('--scope', 'refunds.write')).json();
  assert.deepEqual({ quorum, separation, not_groups, expires_within_s, rate_limit, rate_burst }, {
    quorum: [{ group: 'platform', approvals: 1 }, { group: 'security', approvals: 1 }],
    separation: ['account_members'], not_groups: ['contractors'],
    expires_within_s: 30 * 86400, rate_limit: 60, rate_burst: 10,
  });
  const table = await run(t, 'explain', '--policy', file, '--scope', 'orders.write');
  assert.match(table.stdout, /^escalate_after_s +172800$/m);

  const unknown = await explain('--scope', 'refund.write');
  assert.equal(unknown.status, 6);
  assert.match(unknown.stderr, /did you mean "refunds.write"\?/);
  assert.equal((await explain()).status, 6, 'nothing is asked for');
  assert.equal((await run(t, 'explain', '--scope', 'a.b', '--tag', 'x')).status, 2);
  const credential = 'cred_01ARZ3NDEKTSV4RRFFQ69G5FAV';
  assert.equal((await explain('--scope', 'orders.read', '--credential', credential)).status, 2);
  const wrong = `${WRONG}/rule-key/input.yaml`;
  assert.equal((await run(t, 'explain', '--policy', wrong, '--scope', 'a.b')).status, 6);
});

test('the example of docs/policy.md plays as it is printed there', async (t) => {
  const text = await readDocument('policy.md');
  const reader = await readerFolder(t);
  const script = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block).join('')
    .replace('/usr/local/share/countersign/policy.yaml', path.join(ROOT, DEFAULT));
  const { status, stdout, stderr } = await reader.run('bash', ['-ec', script]);
  assert.equal(status, 0, stderr);
  const said = (stdout + stderr).split('\n');
  const [, example] = /## Try it\n(.*?)\n## /s.exec(text.replace(/^```sh\n.*?^```/gms, ''));
  const promised = [...example.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line);
  assert.equal(promised.length, 9);
  for (const line of promised) assert.ok(said.includes(line), `${line}\n${stdout}\n${stderr}`);
});
