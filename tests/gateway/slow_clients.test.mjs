// Five hundred clients that hardly speak or hardly listen: what others ask meanwhile is answered,
// all of it, and when the slow ones have gone nothing of them is left.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { together } from '../api/lib/caller.mjs';
import { newAccount, newTestKey } from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';

const COLOURS = /\x1b\[[\d;]*[A-Za-z]/g;
const CONNECTIONS = 500;
const SECONDS = 6; // at 500 new connections a second they are all there after the first
const common = ['-c', CONNECTIONS, '-r', 500, '-l', SECONDS, '-i', 1, '-p', 5];

const kinds = {
  'headers that never end': ['-H', '-t', 'POST', '-f', 'application/json'],
  'bodies that never end': ['-B', '-t', 'POST', '-f', 'application/json', '-s', 4096],
  'answers that are hardly read': ['-X', '-w', 512, '-y', 1024, '-n', 5, '-z', 32, '-k', 3],
};

/** Verifies by some callers at once, one question after the other, until `ended` is settled. */
async function verifyUntil(vault, key, ended) {
  let over = false;
  let count = 0;
  ended.finally(() => (over = true));
  const gateway = vault.as('gateway');
  await together(4, async () => {
    while (!over) {
      const answer = await gateway.post('/v1/verify', { key });
      assert.equal(answer.body.code, 'VALID');
      count++;
    }
  });
  return count;
}

for (const [kind, args] of Object.entries(kinds))
  test(`verification goes on beside ${CONNECTIONS} clients with ${kind}`, async (t) => {
    const policy = await writePolicy(t, { test: { rate_limit: '1000000/1m' } });
    const vault = await startVault(t, { policy, logLevel: 'error' });
    const { client_secret: key } = await newTestKey(await newAccount(vault));
    const path = args[0] === '-X' ? '/openapi.json' : '/v1/claims';
    const child = spawn('slowhttptest',
      [...args, ...common, '-u', `${vault.url}${path}`].map(String),
      { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let said = '';
    for (const stream of ['stdout', 'stderr'])
      child[stream].setEncoding('utf8').on('data', (text) => (said += text.replace(COLOURS, '')));
    const [count] = await Promise.all([
      verifyUntil(vault, key, once(child, 'exit')), once(child, 'close')]);
    const seen = [...said.matchAll(/connected:\s+(\d+)/g)].map(([, number]) => Number(number));
    assert.ok(Math.max(...seen) >= CONNECTIONS / 2, `too few were there: ${said.slice(-2000)}`);
    assert.ok(!/service available:\s+NO/.test(said), said.slice(-2000));
    t.diagnostic(`${count} verifications beside ${Math.max(...seen)} slow clients`);
  });
