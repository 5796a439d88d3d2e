// Gateways that ask over TCP, with a service token of their own instead of the socket.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { assertStatus } from '../api/lib/caller.mjs';
import { newAccount, newTestKey } from '../api/lib/desk.mjs';
import { startVault, temporaryFolder } from '../api/lib/vault.mjs';
import { names, startGateway, startUpstream } from './lib/gateways.mjs';

for (const name of names)
  test(`${name} proves itself by its token; one that is refused is no bad key`, async (t) => {
    const vault = await startVault(t);
    const upstream = await startUpstream(t);
    const token = path.join(await temporaryFolder(t), 'token');
    await writeFile(token, `${vault.tokens.gateway}\n`, { mode: 0o600 });
    const address = new URL(vault.url).host;
    const account = await newAccount(vault);
    const { client_secret, credential } = await newTestKey(account);
    const headers = { Authorization: `Bearer ${client_secret}` };

    const gateway = await startGateway(t, name, { address, token, upstream });
    const good = await gateway.call('GET', '/orders/1', { headers });
    assert.equal(good.status, 200, good.text);
    assert.equal(good.body.headers['x-credential-id'], credential.id);
    assert.ok(!good.text.includes(vault.tokens.gateway));
    assertStatus(await account.developer.post(`/v1/credentials/${credential.id}/revoke`), 200);
    const refused = await gateway.call('GET', '/orders/1', { headers });
    assert.equal(refused.headers['x-auth-code'], 'REVOKED');
    await gateway.stop();

    const heard = upstream.heard.length;
    await writeFile(token, `${vault.tokens.auditor}\n`);
    const strange = await startGateway(t, name, { address, token, upstream });
    for (const sent of [headers, {}, { 'X-Countersign-Token': vault.tokens.gateway }]) {
      const answer = await strange.call('GET', '/orders/1', { headers: sent });
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.headers['x-auth-code'], 'UNAVAILABLE');
      assert.equal(answer.headers['www-authenticate'], undefined);
    }
    assert.equal(upstream.heard.length, heard);
  });
