// TLS: what is spoken and what is not, certificates that change while connections are open, and
// clients that do not get on with it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { countersign } from './lib/cli.mjs';
import { makeCertificate, makeVault, serve } from './lib/served.mjs';

/** A vault that speaks TLS on a port of loopback: {…, port, use(name), connect(name)}. */
async function serveTls(t, names = ['one'], options = {}) {
  const vault = await makeVault(t);
  const at = (name) => path.join(vault.folder, name);
  const made = {};
  for (const name of names) made[name] = await makeCertificate(vault.folder, name);
  const use = async (certificate, key = certificate) => {
    await copyFile(made[certificate].certificate, at('cert.pem'));
    await copyFile(made[key].key, at('cert.key'));
  };
  await use(names[0]);
  await vault.write('listen: [{ address: "127.0.0.1:0", transport: tls }]\n' +
    `tls: { certificate: ${at('cert.pem')}, key: ${at('cert.key')} }\n`);
  const server = await serve(t, vault, options);
  const port = Number(await server.said(/address=127\.0\.0\.1:(\d+)/));
  const trusted = {};
  for (const name of names) trusted[name] = await readFile(made[name].certificate);
  /** An open connection on which it presented this certificate; else it rejects. */
  const connect = async (name, how = {}) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca: trusted[name],
      servername: 'localhost', ...how });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  return { ...vault, at, made, use, server, port, connect, url: `https://localhost:${port}` };
}

const GET = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** Sends bytes and waits until `count` answers with 200 have come. */
async function talk(socket, bytes, count = 1) {
  let text = '';
  const heard = new Promise((resolve, reject) => {
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.split('HTTP/1.1 200').length > count) resolve(text);
    });
    socket.on('error', reject).on('close', () => reject(new Error(`ended after: ${text}`)));
  });
  socket.write(bytes);
  const answer = await heard;
  socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
  socket.on('error', () => {});
  return answer;
}

test('the command line believes the authorities that it is given, and no others', async (t) => {
  const { url, admin, at, made } = await serveTls(t, ['one', 'two']);
  const list = (env, args = []) => countersign(t, ['account', 'list', ...args],
    { token: admin, env: { COUNTERSIGN_URL: url, ...env } });
  const good = await list({ COUNTERSIGN_CACERT: at('cert.pem') });
  assert.equal(good.status, 0, good.stderr);
  assert.equal((await list({}, ['--cacert', at('cert.pem')])).status, 0);
  for (const bad of [await list({}), await list({ COUNTERSIGN_CACERT: made.two.certificate }),
    await list({ COUNTERSIGN_CACERT: at('nothing') })]) {
    assert.equal(bad.status, 7);
    assert.match(bad.stderr, /cannot talk to https:/);
  }
});

test('TLS 1.3 and 1.2 with forward secrecy and sealed records, nothing else', async (t) => {
  const { connect } = await serveTls(t);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const socket = await connect('one', { minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    assert.match(socket.getCipher().name, /GCM|CHACHA20/);
    await talk(socket, GET);
  }
  const low = { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' };
  await assert.rejects(connect('one', { ...low, maxVersion: 'TLSv1.1' }));
  for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0', 'AES128-GCM-SHA256:@SECLEVEL=0'])
    await assert.rejects(connect('one', { ciphers, maxVersion: 'TLSv1.2' }), ciphers);
});

test('many requests in one record are answered, and a body in many arrives', async (t) => {
  const { connect } = await serveTls(t);
  const socket = await connect('one');
  await talk(socket, GET.repeat(60), 60);
  const body = JSON.stringify({ key: 'x'.repeat(60_000) });
  const post = `POST /v1/claims HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  // Its refusal and the answer to the request behind it, though all came at once.
  const answer = await talk(await connect('one'), post + GET);
  assert.match(answer, /^HTTP\/1\.1 4\d\d /);
  assert.match(answer, /HTTP\/1\.1 200 /);
  const large = await talk(await connect('one'),
    'GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(large, /^HTTP\/1\.1 200 /);
});

test('SIGHUP brings a certificate for new connections; a bad one changes nothing', async (t) => {
  const { use, server, at, connect } = await serveTls(t, ['one', 'two']);
  const old = await connect('one');
  await talk(old, GET);
  await use('two');
  server.child.kill('SIGHUP');
  await server.said(/certificate loaded[^]*(certificate loaded)/);
  const young = await connect('two');
  await talk(young, GET);
  await talk(old, GET);
  await assert.rejects(connect('one'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });

  let reloads = 0;
  const reload = async (told) => {
    server.child.kill('SIGHUP');
    reloads++;
    const kept = '[^]*(the certificate was not reloaded; the old one stays in force)';
    await server.said(new RegExp(kept.repeat(reloads)));
    assert.match(server.log(), told);
    await talk(await connect('two'), GET);
  };
  await use('one', 'two');
  await reload(/not that of the certificate/);
  await writeFile(at('cert.pem'), 'no certificate');
  await reload(/path=\S+cert\.pem/);
  await use('one');
  await chmod(at('cert.key'), 0o644);
  await reload(/mode must be 0640 or less/);
  await chmod(at('cert.key'), 0o600);
  server.child.kill('SIGHUP');
  await server.said(/certificate loaded[^]*certificate loaded[^]*(certificate loaded)/);
  await talk(await connect('one'), GET);
  for (const socket of [old, young]) await talk(socket, GET);
  assert.equal(await server.end(), 0);
});

test('without a certificate that can be used it does not start', async (t) => {
  const { at, made, use, server, ...vault } = await serveTls(t, ['one', 'two']);
  await server.end();
  for (const [spoil, told] of [
    [() => use('one', 'two'), /not that of the certificate/],
    [() => chmod(at('cert.key'), 0o604), /mode must be 0640 or less/],
    [() => writeFile(at('cert.key'), ''), /cannot be used/]]) {
    await use('one');
    await chmod(at('cert.key'), 0o600);
    await spoil();
    const again = await serve(t, vault);
    assert.notEqual((await again.exit)[0], 0);
    assert.match(again.log(), told);
  }
});

test('who does not finish the handshake, or speaks no TLS, is cut off', async (t) => {
  const args = ['--test-clock'];
  const { port, admin, connect } = await serveTls(t, ['one'], { args });
  const silent = net.connect(port, '127.0.0.1');
  const halting = net.connect(port, '127.0.0.1');
  const plain = net.connect(port, '127.0.0.1');
  const ended = [silent, halting, plain].map((socket) => {
    t.after(() => socket.destroy());
    socket.resume().on('error', () => {});
    return new Promise((resolve) => socket.on('close', resolve));
  });
  halting.write(Buffer.from('160301', 'hex')); // the first bytes of a handshake, and no more
  plain.write(GET);
  await ended[2];
  await talk(await connect('one'), GET);
  const body = JSON.stringify({ advance_ms: 11_000 });
  await talk(await connect('one'), 'POST /v1/test/clock HTTP/1.1\r\nHost: x\r\n' +
    `Authorization: Bearer ${admin}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`);
  await Promise.all(ended);
  await talk(await connect('one'), GET);
});
