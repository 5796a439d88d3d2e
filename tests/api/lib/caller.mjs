// One caller of the HTTP interface: a token (or none), and calls whose answers are checked against
// the contract before the test sees them.
import assert from 'node:assert/strict';
import http from 'node:http';

export class Caller {
  #vault;
  #token;

  /** `vault` has url, agent and contract; without a token the caller is anonymous. */
  constructor(vault, token) {
    this.#vault = vault;
    this.#token = token;
  }

  get(path, options) {
    return this.call('GET', path, options);
  }
  post(path, body, options) {
    return this.call('POST', path, { body, ...options });
  }
  patch(path, body, options) {
    return this.call('PATCH', path, { body, ...options });
  }
  delete(path, options) {
    return this.call('DELETE', path, options);
  }

  /**
   * Sends one request and resolves to {status, headers, text, body}. `path` goes out as it is; an
   * object as `body` goes out as JSON, a string or bytes as they are. `unchecked` leaves the
   * contract aside: for the few answers that are made before there is a request to speak of. A
   * `forwarded` request is a client's: the caller's own token stands where gateways put theirs.
   */
  async call(method, path, { body, headers = {}, unchecked = false, forwarded = false } = {}) {
    const sent = { ...headers };
    const has = (name) => Object.keys(sent).some((key) => key.toLowerCase() === name);
    if (this.#token && forwarded) sent['X-Countersign-Token'] = this.#token;
    else if (this.#token && !has('authorization')) sent.Authorization = `Bearer ${this.#token}`;
    let bytes = body;
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
      bytes = JSON.stringify(body);
      if (!has('content-type')) sent['Content-Type'] = 'application/json';
    }
    const answer = await this.#send(method, path, sent, bytes);
    const type = answer.headers['content-type'] ?? '';
    answer.body = /[/+]json\b/.test(type) && answer.text ? JSON.parse(answer.text) : undefined;
    this.#vault.onAnswer?.(answer);
    if (!unchecked) this.#vault.contract.check(method, path, answer);
    return answer;
  }

  #send(method, path, headers, bytes) {
    const { hostname, port } = new URL(this.#vault.url);
    const options = { method, path, headers, hostname, port, agent: this.#vault.agent };
    if (bytes !== undefined) headers['Content-Length'] = Buffer.byteLength(bytes);
    return new Promise((resolve, reject) => {
      const request = http.request(options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
      });
      request.setTimeout(60_000, () => request.destroy(new Error(`${method} ${path}: no answer`)));
      request.on('error', reject);
      request.end(bytes);
    });
  }
}

/** The answer is that problem: status and code, and what every problem has. Returns its body. */
export function assertProblem(answer, status, code) {
  const told = `${answer.status} ${answer.text.slice(0, 500)}`;
  assert.equal(answer.status, status, told);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, told);
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.request_id, answer.headers['x-request-id']);
  if (code) assert.equal(answer.body.code, code, told);
  return answer.body;
}

/** The answer has that status; returns its body. */
export function assertStatus(answer, status) {
  assert.equal(answer.status, status, `${answer.status} ${answer.text.slice(0, 500)}`);
  return answer.body;
}

/** Starts `count` calls at once, fn(index), and waits for all of them. */
export function together(count, fn) {
  return Promise.all(Array.from({ length: count }, (_, index) => fn(index)));
}
