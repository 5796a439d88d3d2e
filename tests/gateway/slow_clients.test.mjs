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

const CONNECTIONS = 500;
const ASKED = 1000; // verifications while they are there
const GATHER_MS = 60_000; // a loaded machine is slow at being slow
const SECONDS = 120; // longer than any of it takes: they are ended
const OURS = 20; // connections of this test, at most
const common = ['-c', CONNECTIONS, '-r', CONNECTIONS, '-l', SECONDS, '-i', 1, '-p', 5];

const kinds = {
  'headers that never end': ['-H', '-t', 'POST', '-f', 'application/json'],
  'bodies that never end': ['-B', '-t', 'POST', '-f', 'application/json', '-s', 4096],
  'answers that are hardly read': ['-X', '-w', 512, '-y', 1024, '-n', 5, '-z', 32, '-k', 3],
};

/** How many connections the server says that it has. */
async function open(vault) {
  const { text } = await vault.as('admin').get('/metrics');
  return Number(/^countersign_http_connections (\d+)$/m.exec(text)[1]);
}

/** Verifies by some callers at once, without end: {count, stop()}. */
function verifyOn(vault, key) {
  const gateway = vault.as('gateway');
  const verifying = { count: 0 };
  let over = false;
  const done = together(4, async () => {
    while (!over) {
      const answer = await gateway.post('/v1/verify', { key });
      assert.equal(answer.body.code, 'VALID');
      verifying.count++;
    }
  });
  done.catch(() => {}); // stop() tells
  verifying.stop = () => ((over = true), done);
  return verifying;
}

for (const [kind, args] of Object.entries(kinds))
  test(`verification goes on beside ${CONNECTIONS} clients with ${kind}`, async (t) => {
    const policy = await writePolicy(t, { test: { rate_limit: '1000000/1m' } });
    const vault = await startVault(t, { policy, logLevel: 'error' });
    const { client_secret: key } = await newTestKey(await newAccount(vault));
    const path = args[0] === '-X' ? '/openapi.json' : '/v1/claims';
    const verifying = verifyOn(vault, key);
    const child = spawn('slowhttptest',
      [...args, ...common, '-u', `${vault.url}${path}`].map(String), { stdio: 'ignore' });
    const gone = once(child, 'exit');
    t.after(() => child.kill('SIGKILL'));
    let most = 0;
    const look = async () => (most = Math.max(most, await open(vault)));
    await vault.until(async () => await look() >= CONNECTIONS / 2 + OURS, GATHER_MS);
    const wanted = verifying.count + ASKED;
    await vault.until(async () => await look() && verifying.count >= wanted, GATHER_MS);
    child.kill('SIGTERM');
    await gone;
    await verifying.stop();
    await vault.until(async () => await open(vault) <= OURS, GATHER_MS);
    t.diagnostic(`${verifying.count} verifications, at most beside ${most - OURS} slow clients`);
  });
