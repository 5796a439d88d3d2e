// Envoy and Traefik are no Debian packages: what they send with the shipped configurations, written
// down from their documentation, is played to the program byte for byte, and what they pass on to
// clients and to the API is looked for in its answer. A case is a folder in tests/data/gateways.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import test, { after } from 'node:test';
import { newAccount, newTestKey } from '../api/lib/desk.mjs';
import { RawConnection } from '../api/lib/raw.mjs';
import { ROOT, startVault, temporaryFolder } from '../api/lib/vault.mjs';

const CASES = path.join(ROOT, 'tests/data/gateways');
const socket = path.join(await temporaryFolder(), 'gateway.sock');
const vault = await startVault(undefined, { args: ['--gateway-socket', socket] });
after(() => vault.close());
const { credential, client_secret: key } = await newTestKey(await newAccount(vault));
const filled = {
  key, token: vault.tokens.gateway,
  pair: Buffer.from(`${credential.client_id}:${key}`).toString('base64'),
};

/** Envoy comes by the socket that stands for the gateway, Traefik with a token by TCP. */
async function connect(gateway) {
  if (gateway !== 'envoy') return RawConnection.open(vault);
  const connection = net.connect(socket);
  await once(connection, 'connect');
  return new RawConnection(connection);
}

async function play(gateway, name) {
  const at = (file) => path.join(CASES, gateway, name, file);
  const text = await readFile(at('input.http'), 'utf8');
  const request = text.replaceAll('\n', '\r\n')
    .replace(/\{\{(\w+)\}\}/g, (_, what) => filled[what]);
  const connection = await connect(gateway);
  // Twice over one connection: both keep theirs open.
  const answers = [];
  for (let i = 0; i < 2; i++) {
    connection.send(request);
    answers.push(await connection.answer());
  }
  connection.destroy();
  return { answers, expected: JSON.parse(await readFile(at('expect.json'), 'utf8')) };
}

const identity = ['x-credential-id', 'x-account-id', 'x-client-id', 'x-mode', 'x-scopes'];

for (const gateway of await readdir(CASES))
  for (const name of await readdir(path.join(CASES, gateway)))
    test(`${gateway}: ${name}`, async () => {
      const { answers, expected } = await play(gateway, name);
      for (const { status, headers } of answers) {
        assert.deepEqual({ status, code: headers['x-auth-code'] }, expected);
        const told = identity.filter((header) => header in headers);
        assert.deepEqual(told, status === 200 ? identity : []);
        if (status === 200) assert.equal(headers['x-credential-id'], credential.id);
        if (status === 401) assert.match(headers['www-authenticate'], /^Bearer/);
      }
    });

test('the configurations ask for what the contract has, and pass on all that it says', async () => {
  const config = (name) => readFile(path.join(ROOT, 'examples/gateways', name), 'utf8');
  const [envoy, traefik] =
    await Promise.all([config('envoy/envoy.yaml'), config('traefik/countersign.yaml')]);
  for (const name of [...identity, 'x-auth-code', 'x-countersign-token', 'x-countersign-mode',
    'x-countersign-scopes', 'x-countersign-any-scopes']) {
    assert.match(envoy, new RegExp(`- remove: ${name}\\n`));
    const clears = new RegExp(`^ +${name}: ("")?`, 'im');
    assert.match(traefik, clears);
  }
  assert.match(traefik, /^ +Connection: ""$/m);
  for (const name of identity) {
    assert.match(envoy, new RegExp(`\\{ exact: ${name} \\}`));
    assert.match(traefik, new RegExp(`authResponseHeaders: .*${name}`, 'i'));
  }
});
