// What the client of a gateway is told: what all gateways have in common, and Countersign's own.
import assert from 'node:assert/strict';
import { identity, rates, table, unproved } from '../../api/lib/codes.mjs';

/** The headers that the contract has, all of which are the same through each gateway. */
export const contract = ['content-type', 'x-auth-code', 'www-authenticate', 'retry-after',
  'cache-control', 'x-content-type-options', ...rates, ...identity];
/* What a server on the way says of itself and of the connection, and the id, which is its own. */
const own = ['server', 'date', 'via', 'connection', 'keep-alive', 'content-length',
  'transfer-encoding', 'x-request-id'];
/* Seconds that a clock moves on between two answers. */
const moving = ['ratelimit', 'x-ratelimit-reset', 'retry-after'];

/** Of an answer, what has to be the same; of seconds, that they are there. */
export function told({ status, headers }) {
  const shown = { status };
  for (const name of contract)
    if (headers[name] !== undefined)
      shown[name] = moving.includes(name) ? headers[name].replace(/\d+$/, 'N') : headers[name];
  return shown;
}

/** The answer is that of this code: status, challenge, and each header that belongs to it. */
export function assertTold(answer, code, where) {
  const { status, headers } = answer;
  const [wanted, challenge] = table[code];
  assert.equal(status, wanted, where);
  assert.equal(headers['www-authenticate'], challenge, where);
  assert.match(headers['x-request-id'] ?? '', /^[A-Za-z0-9._-]{1,64}$/, where);
  assert.deepEqual(rates.filter((name) => name in headers),
    unproved.includes(code) ? [] : rates, where);
  assert.equal('retry-after' in headers, code === 'RATE_LIMITED', where);
  assert.deepEqual(identity.filter((name) => name in headers), [], where);
  const strange = Object.keys(headers).filter((name) => ![...contract, ...own].includes(name));
  assert.deepEqual(strange, [], where);
  if (code === 'VALID') return;
  assert.equal(headers['x-auth-code'], code, where);
  assert.match(headers['content-type'], /^application\/problem\+json/, where);
  assert.equal(headers['cache-control'], 'no-store', where);
  assert.equal(headers['x-content-type-options'], 'nosniff', where);
  assert.equal(answer.body.status, status, where);
  assert.equal(typeof answer.body.title, 'string', where);
  assert.equal(typeof answer.body.code, 'string', where);
}
