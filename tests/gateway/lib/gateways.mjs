// The gateways that the examples configure, as their own programs run them, with an API behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { ROOT, temporaryFolder } from '../../api/lib/vault.mjs';

const READY_MS = 20_000;
const STOP_MS = 15_000;

/** Those that run here; of the others, what they send is on record (recorded.test.mjs). */
export const names = ['nginx', 'haproxy', 'caddy'];

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** An API that tells what it heard: {address, heard}; `heard` has the requests that reached it. */
export async function startUpstream(t) {
  const heard = [];
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      heard.push({ method: request.method, url: request.url, headers: request.headers });
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(heard.at(-1)));
    });
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const close = () => (server.close(), server.closeAllConnections());
  t?.after(close);
  return { address: `127.0.0.1:${server.address().port}`, heard, close };
}

/**
 * Starts examples/gateways/NAME/run and waits until it takes connections. It asks Countersign over
 * a socket, or at an address with the token that is in a file.
 */
export async function startGateway(t, name, { socket, address, token, upstream }) {
  const folder = await temporaryFolder();
  const port = await freePort();
  const child = spawn(path.join(ROOT, 'examples/gateways', name, 'run'), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, GATEWAY_FOLDER: folder,
      GATEWAY_LISTEN: `127.0.0.1:${port}`, GATEWAY_UPSTREAM: upstream.address,
      ...(socket ? { COUNTERSIGN_SOCKET: socket }
        : { COUNTERSIGN_ADDRESS: address, COUNTERSIGN_TOKEN_FILE: token }) },
  });
  let said = '';
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => (said += text)).unref();
  child.unref();
  const end = () => child.kill('SIGTERM');
  process.on('exit', end);
  const gateway = new Gateway(name, port, child, () => said);
  gateway.stop = async () => {
    process.off('exit', end);
    await gateway.end();
  };
  t?.after(gateway.stop);
  await gateway.ready();
  return gateway;
}

class Gateway {
  agent = new http.Agent({ keepAlive: true });
  #child;
  #said;

  constructor(name, port, child, said) {
    Object.assign(this, { name, port });
    this.#child = child;
    this.#said = said;
  }

  async ready() {
    const deadline = performance.now() + READY_MS;
    for (;;) {
      assert.equal(this.#child.exitCode, null, `${this.name} ended\n${this.#said()}`);
      if (await this.#connects()) return;
      assert.ok(performance.now() < deadline, `${this.name} is not ready\n${this.#said()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #connects() {
    const socket = net.connect(this.port, '127.0.0.1');
    return new Promise((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    }).finally(() => socket.destroy());
  }

  /** Ends the process that was started, and waits for it. */
  async end() {
    this.agent.destroy();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }

  /** {status, headers, text, body} of one request of a client. */
  call(method, target, { headers = {}, body } = {}) {
    const options = { method, path: target, headers, host: '127.0.0.1', port: this.port,
      agent: this.agent };
    return new Promise((resolve, reject) => {
      const request = http.request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.on('error', reject).on('end', () => {
          const json = /[/+]json/.test(response.headers['content-type'] ?? '');
          resolve({ status: response.statusCode, headers: response.headers, text,
            body: json ? JSON.parse(text) : undefined });
        });
      });
      request.setTimeout(30_000, () => request.destroy(new Error(`${this.name}: no answer`)));
      request.on('error', reject).end(body);
    });
  }
}
