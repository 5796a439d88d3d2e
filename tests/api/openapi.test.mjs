// The document at /openapi.json, as a document.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startVault } from './lib/vault.mjs';

let vault;
let document;
before(async () => {
  vault = await startVault();
  document = (await vault.anonymous.get('/openapi.json')).body;
});
after(() => vault?.close());

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, '3.1');
});

test('every operation has a name of its own', () => {
  const names = [...vault.contract.operations()].map(([, , { operationId }]) => operationId);
  assert.ok(names.length > 20 && names.every(Boolean));
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

test('every operation that asks who calls says what a stranger is answered', () => {
  for (const [method, template, operation] of vault.contract.operations()) {
    const asks = (operation.security ?? document.security ?? []).some((s) => Object.keys(s).length);
    if (asks) assert.ok(operation.responses[401] ?? operation.responses['4XX'] ??
      operation.responses.default, `${method} ${template}`);
  }
});

test('every variable of a path is described', () => {
  for (const [method, template, operation] of vault.contract.operations()) {
    const described = [...(document.paths[template].parameters ?? []),
      ...(operation.parameters ?? [])].filter((p) => p.in === 'path').map((p) => p.name);
    const wanted = [...template.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
    assert.deepEqual(described.sort(), wanted.sort(), `${method} ${template}`);
  }
});
