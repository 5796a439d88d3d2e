// Every operation that the document publishes, called once so that it succeeds.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem } from './lib/caller.mjs';
import { newAccount } from './lib/desk.mjs';
import { callFor, callerOf, operations, perform } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());

/* What no call can bring about: a secret is never kept, so there is none to be told again. */
const never = { 'credential.reveal': [422, 'policy_refused'] };

for (const [method, template, operation] of vault.contract.operations())
  test(`${operation.operationId} answers as the document says`, async () => {
    const desk = { vault, account: await newAccount(vault) };
    const call = await callFor(operation, desk);
    assert.equal(vault.contract.template(call.path), template);
    const answer = await perform(callerOf(desk, call), method, call);
    const refusal = never[operation.operationId];
    if (refusal) {
      assertProblem(answer, ...refusal);
      return;
    }
    const described = Object.keys(operation.responses).filter((status) => status < 300);
    assert.deepEqual(described, [`${answer.status}`], answer.text);
  });

test('no operation has a call here that the document does not have', () => {
  const names = [...vault.contract.operations()].map(([, , { operationId }]) => operationId);
  assert.deepEqual(Object.keys(operations).filter((name) => !names.includes(name)), []);
});
