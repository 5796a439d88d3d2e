// Bytes on a socket: for requests that no HTTP client would send.
import { once } from 'node:events';
import net from 'node:net';

/** One connection to the vault, and the answers that come back on it. */
export class RawConnection {
  #socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  static async open(vault) {
    const { hostname, port } = new URL(vault.url);
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  /** Latin-1, so that "\xff" is one byte. */
  send(text) {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  /** The next whole answer: {status, reason, headers, body}; null if the server closed instead. */
  async answer(limit_ms = 10_000) {
    const head = await this.#until(() => {
      const end = this.#received.indexOf('\r\n\r\n');
      return end < 0 ? undefined : end;
    }, limit_ms);
    if (head === undefined) return null;
    const parsed = parseHead(this.#received.subarray(0, head).toString('latin1'));
    if (parsed.headers['transfer-encoding']) throw new Error('an answer in chunks');
    const size = head + 4 + Number(parsed.headers['content-length'] ?? 0);
    if ((await this.#until(() => this.#received.length >= size || undefined, limit_ms)) !== true)
      throw new Error('an answer that was cut off');
    parsed.body = this.#received.subarray(head + 4, size).toString('utf8');
    this.#received = this.#received.subarray(size);
    return parsed;
  }

  /** Resolves to how long the server took to close, in ms; rejects if it does not. */
  async closed(limit_ms = 10_000) {
    const begun = performance.now();
    await this.#until(() => undefined, limit_ms);
    return performance.now() - begun;
  }

  destroy() {
    this.#socket.destroy();
  }

  /** Says that nothing more comes, and still listens. */
  finish() {
    this.#socket.end();
  }

  /** What `look` finds, or undefined once the server has closed. */
  async #until(look, limit_ms) {
    const timer = { over: false };
    timer.handle = setTimeout(() => {
      timer.over = true;
      this.#wake();
    }, limit_ms);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined || this.#ended) return found;
        if (timer.over) throw new Error(`the server neither answered nor closed in ${limit_ms} ms`);
        await new Promise((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer.handle);
    }
  }
}

/** Sends bytes on a connection of their own; resolves to all answers until the server closes. */
export async function exchange(vault, text, limit_ms) {
  const connection = await RawConnection.open(vault);
  try {
    connection.send(text);
    const answers = [];
    for (let next; (next = await connection.answer(limit_ms)); ) answers.push(next);
    return answers;
  } finally {
    connection.destroy();
  }
}

function parseHead(text) {
  const [line, ...fields] = text.split('\r\n');
  const [, status, reason] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(line) ?? [];
  if (!status) throw new Error(`not a status line: ${line}`);
  const headers = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { status: Number(status), reason, headers };
}
