// Every operation that the document publishes, called once so that it succeeds.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { newAccount } from './lib/desk.mjs';
import { callFor, callerOf, operations, perform } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const policy = await writePolicy(undefined, { test: { secret: 'revealable' } });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());

for (const [method, template, operation] of vault.contract.operations())
  test(`${operation.operationId} answers as the document says`, async () => {
    const desk = { vault, account: await newAccount(vault) };
    const call = await callFor(operation, desk);
    assert.equal(vault.contract.template(call.path), template);
    const answer = await perform(callerOf(desk, call), method, call);
    const described = Object.keys(operation.responses).filter((status) => status < 300);
    assert.deepEqual(described, [`${answer.status}`], answer.text);
  });

test('no operation has a call here that the document does not have', () => {
  const names = [...vault.contract.operations()].map(([, , { operationId }]) => operationId);
  assert.deepEqual(Object.keys(operations).filter((name) => !names.includes(name)), []);
});
