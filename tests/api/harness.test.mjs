// The harness itself: a contract that lets everything pass would make every other test here idle.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import test from 'node:test';
import { Contract } from './lib/contract.mjs';
import { RawConnection, exchange } from './lib/raw.mjs';

const problem = { 'content-type': 'application/problem+json' };
const html = { 'content-type': 'text/html' };
const reference = (name) => ({ $ref: `#/components/schemas/${name}` });
const text = (schema) => ({ 'application/json': { schema } });
const contract = new Contract({
  openapi: '3.1.0',
  paths: {
    '/things': {
      get: {
        responses: {
          200: {
            headers: { ETag: { required: true } },
            content: text(reference('thing')),
          },
          404: { $ref: '#/components/responses/problem' },
        },
      },
      delete: { responses: { 204: {} } },
    },
    '/things/{id}': { get: { responses: { '2XX': { content: text({ type: 'string' }) } } } },
    '/things/own': { get: { responses: { 200: { content: text({ type: 'number' }) } } } },
    '/ask/*': { get: { responses: { 200: {} } } },
  },
  components: {
    schemas: {
      thing: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
      problem: { type: 'object', required: ['code'], properties: { code: { type: 'string' } } },
    },
    responses: {
      problem: {
        content: { [problem['content-type']]: { schema: reference('problem') } },
      },
    },
  },
});

const answer = (status, body, headers = {}) => ({
  status,
  body,
  text: body === undefined ? '' : JSON.stringify(body),
  headers: { 'x-request-id': 'r1', 'content-type': 'application/json', etag: '"1"', ...headers },
});
const without = (given, name) => {
  delete given.headers[name];
  return given;
};
const token = `cs_test_${'a'.repeat(39)}`;

const right = [
  ['what is described', 'GET', '/things', answer(200, { id: 'a' })],
  ['a query after the path', 'GET', '/things?limit=1', answer(200, { id: 'a' })],
  ['no body', 'DELETE', '/things', answer(204)],
  ['a class of statuses', 'GET', '/things/7', answer(201, 'seven')],
  ['the literal path before the template', 'GET', '/things/own', answer(200, 7)],
  ['a problem by reference', 'GET', '/things', answer(404, { code: 'x' }, problem)],
  ['an unknown path that is refused', 'GET', '/nothing', answer(404, { code: 'x' }, problem)],
  ['an unknown method with Allow', 'PUT', '/things',
    answer(405, { code: 'x' }, { ...problem, allow: 'GET' })],
  ['HEAD where there is GET', 'HEAD', '/things', answer(200)],
  ['OPTIONS with Allow', 'OPTIONS', '/things', answer(204, undefined, { allow: 'GET' })],
  ['any method on an open path', 'PURGE', '/ask/a//b', answer(200)],
  ['nothing after an open path', 'GET', '/ask', answer(200)],
  ['a secret that is not to be kept', 'GET', '/things',
    answer(200, { id: token }, { 'cache-control': 'no-store' })],
];
for (const [name, method, path, given] of right)
  test(`the contract takes ${name}`, () => contract.check(method, path, given));

const wrong = [
  ['an undescribed status', 'GET', '/things', answer(202, { id: 'a' }), /status/],
  ['a missing member', 'GET', '/things', answer(200, {}), /required/],
  ['an undescribed member', 'GET', '/things', answer(200, { id: 'a', b: 1 }), /additional/],
  ['a wrong type', 'GET', '/things', answer(200, { id: 1 }), /string/],
  ['another media type', 'GET', '/things', answer(200, {}, html), /type/],
  ['a missing header', 'GET', '/things', without(answer(200, { id: 'a' }), 'etag'), /ETag/],
  ['a body where there is none', 'DELETE', '/things', answer(204, 'x'), /body/],
  ['no request id', 'GET', '/things', answer(200, { id: 'a' }, { 'x-request-id': '' }), /id/],
  ['an undescribed path that answers', 'GET', '/nothing', answer(200, {}), /no document/],
  ['a refusal that is no problem', 'GET', '/nothing', answer(404, { code: 'x' }), /problem/],
  ['405 without Allow', 'PUT', '/things', answer(405, { code: 'x' }, problem), /Allow/],
  ['a secret that may be kept', 'GET', '/things', answer(200, { id: token }), /secret/],
];
for (const [name, method, path, given, why] of wrong)
  test(`the contract refuses ${name}`, () => {
    assert.throws(() => contract.check(method, path, given), why);
  });

/** A server that sends `bytes` once it is asked anything, and closes. */
async function replying(t, bytes) {
  const server = net.createServer((socket) => socket.once('data', () => socket.end(bytes)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}` };
}

test('a raw connection tells answers apart', async (t) => {
  const vault = await replying(t,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 404 Not Found\r\nA: 1\r\nA: 2\r\n\r\n');
  const answers = await exchange(vault, 'x');
  assert.deepEqual(answers.map(({ status, body }) => [status, body]), [[200, 'hi'], [404, '']]);
  assert.equal(answers[1].headers.a, '1, 2');
});

test('a raw connection notices an answer that is cut off', async (t) => {
  const vault = await replying(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi');
  await assert.rejects(exchange(vault, 'x'), /cut off/);
});

test('a raw connection tells a silent server from one that closed', async (t) => {
  const vault = await replying(t, '');
  const connection = await RawConnection.open(vault);
  t.after(() => connection.destroy());
  await assert.rejects(connection.closed(50), /neither/);
  connection.send('x');
  assert.equal(await connection.answer(), null);
  await connection.closed();
});
