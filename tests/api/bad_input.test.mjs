// Every operation with a body is sent every kind of wrong one, made out of the document and of a
// call that succeeds: it is told what is wrong and where, and nothing changes.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem } from './lib/caller.mjs';
import { auditCount, newAccount } from './lib/desk.mjs';
import { mutations } from './lib/mutations.mjs';
import { callFor, callerOf, perform } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, { test: { secret: 'revealable' } });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());

/* What stays out of a right body because it cannot go with the rest of it. */
const apart = { 'request.create': ['credential_id'] };

function schemaOf(operation) {
  const media = operation.requestBody.content['application/json'];
  return vault.contract.follow(media.schema);
}

/** Says what is wrong, and where: the member, or line and column. */
function assertTold(answer, { what, status, pointer }) {
  const problem = assertProblem(answer, status);
  const told = `${what}: ${answer.text}`;
  if (status !== 400) {
    assert.ok(problem.detail, told);
    return;
  }
  const [error] = problem.errors;
  if (pointer) assert.ok(problem.errors.some((one) => one.pointer === pointer), told);
  else assert.match(error.detail, /line \d+, column \d+$|must be an object|unknown member/, told);
  assert.ok(problem.errors.every(({ detail }) => detail), told);
}

const withBody = [...vault.contract.operations()].filter(
  ([, , { requestBody }]) => requestBody?.content['application/json']);

for (const [method, , operation] of withBody)
  test(`${operation.operationId} tells what is wrong with a body, and does nothing`, async () => {
    const desk = { vault, account: await newAccount(vault) };
    const call = await callFor(operation, desk);
    const caller = callerOf(desk, call);
    const schema = schemaOf(operation);
    const left = Object.keys(schema.properties ?? {}).filter((name) => !(name in call.body));
    assert.deepEqual(left, [], 'the right body has to have every member');

    const before = await auditCount(vault);
    const largest = operation.requestBody['x-countersign-max-bytes'];
    for (const wrong of mutations(call.body, schema, largest)) {
      const answer = await caller.call(method, call.path, {
        body: wrong.bytes,
        headers: { ...call.headers, ...wrong.headers },
      });
      assertTold(answer, wrong);
    }
    assert.equal(await auditCount(vault), before, 'a refused body has changed something');

    const answer = await perform(caller, method, call);
    assert.ok(answer.status < 300, `the right body: ${answer.status} ${answer.text}`);
  });

test('an operation without a body refuses one', async () => {
  const account = await newAccount(vault);
  const answer = await account.developer.call('GET', '/v1/credentials', { body: { a: 1 } });
  assertProblem(answer, 400, 'malformed');
});
