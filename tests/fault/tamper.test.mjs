// Somebody with the data file and without the root key: every row is edited, emptied, cut,
// exchanged with its neighbour and with a row of another table. What is asked of it then is
// refused with an error that says so, the log names the table, and everything else goes on.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from '../api/lib/caller.mjs';
import { countersign } from '../api/lib/cli.mjs';
import {
  approve, auditOf, decide, newAccount, newClaim, newLiveKey, newRequest, newTestKey, verify,
} from '../api/lib/desk.mjs';
import { writePolicy } from '../api/lib/policy.mjs';
import { startVault } from '../api/lib/vault.mjs';
import { Rows, flipped, tables } from './lib/rows.mjs';

const policy = await writePolicy(undefined, { test: { secret: 'revealable' } });
const vault = await startVault(undefined, { policy, testClock: true });
after(() => vault.close());
const rows = new Rows(vault);
const DAY = 24 * 3600_000;

/** The handle of an id, as it stands in keys: the first eight of its sixteen bytes, as hex. */
function handleOf(id) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const value = [...id.split('_')[1]].reduce((sum, c) => sum * 32n + BigInt(digits.indexOf(c)), 0n);
  return value.toString(16).padStart(32, '0').slice(0, 16);
}

/** Waits until that many days of a key's usage are written. */
function used(account, { credential }, days) {
  const path = `/v1/credentials/${credential.id}/usage`;
  return vault.until(async () => (await account.developer.get(path)).body.days.length === days);
}

/** An account with everything that an account can have, and one beside it. */
async function furnish() {
  const account = await newAccount(vault);
  const key = await newTestKey(account);
  await verify(vault, key.client_secret, { scopes: ['orders.read'] });
  await used(account, key, 1);
  await vault.advance(DAY); // a day has a row of its own once it is over
  await verify(vault, key.client_secret, { scopes: ['orders.read'] });
  await used(account, key, 2);
  const live = await newLiveKey(vault, account);
  const request = await newRequest(account);
  const approved = await approve(vault, await newRequest(account));
  const asked = await newRequest(account);
  assertStatus(await decide(vault.as('reviewer'), asked, 'ask'), 201);
  const { claim } = await newClaim(account, approved);
  const looked = await vault.anonymous.post('/v1/claims/lookup', { claim });
  const suspended = await newAccount(vault);
  const suspendedKey = await newTestKey(suspended);
  const status = { status: 'suspended' };
  await vault.as('admin').patch(`/v1/accounts/${suspended.id}`, status);
  const kept = { name: 'kept' };
  const idempotency = { headers: { 'Idempotency-Key': 'kept' } };
  assertStatus(await account.developer.post('/v1/tokens', kept, idempotency), 201);
  return {
    account, key, live, request, asked, approved, claim, claim_id: looked.body.id, suspended,
    suspendedKey, kept, idempotency,
  };
}
const other = await newAccount(vault);
const otherKey = await newTestKey(other);
const things = await furnish();
await vault.stop();
/* The handles of the developer's tokens: those that their index names. */
const accessKeys = new Set((await rows.list('access_by_user')).map(({ key }) => key)
  .filter((key) => key.startsWith(handleOf(things.account.user.id))).map((key) => key.slice(16)));

const of = (...ids) => {
  const start = ids.map(handleOf).join('');
  return ({ key }) => key.startsWith(start);
};
const { account, key, live, request, asked, approved, claim, suspended, suspendedKey } = things;
const internal = (answer) => assertProblem(answer, 500, 'internal');
const unavailable = (answer) => assertProblem(answer, 503, 'unavailable');
const gateway = (client_secret) => vault.as('gateway').post('/v1/verify', { key: client_secret });

/*
 * For every table: which of its rows are damaged, and what then refuses. `closed` are those without
 * which a vault does not open at all; `quiet` those that nobody's answer depends on.
 */
const cases = {
  keyring: { closed: true },
  audit_head: { closed: true },
  meta: { closed: true, pick: ({ key: name }) => name === Buffer.from('policy').toString('hex') },
  account: {
    pick: of(account.id),
    ask: async () => internal(await vault.as('admin').get(`/v1/accounts/${account.id}`)),
  },
  suspension: {
    pick: of(suspended.id),
    ask: async () => unavailable(await gateway(suspendedKey.client_secret)),
  },
  user: {
    pick: of(account.user.id),
    ask: async () => {
      internal(await vault.as('admin').get(`/v1/users/${account.user.id}`));
      assert.ok((await account.developer.get('/v1/whoami')).status >= 500);
    },
  },
  user_by_email: {
    pick: () => true,
    ask: async () => internal(await vault.as('admin').post('/v1/users',
      { email: account.user.email, roles: ['auditor'] })),
  },
  access: {
    pick: ({ key: name }) => accessKeys.has(name),
    ask: async () => assert.ok((await account.developer.get('/v1/whoami')).status >= 500),
  },
  access_by_user: {
    pick: of(account.user.id),
    ask: async () => internal(await account.developer.get('/v1/tokens')),
  },
  credential: {
    pick: of(key.credential.id),
    ask: async () => {
      internal(await account.developer.get(`/v1/credentials/${key.credential.id}`));
      internal(await account.developer.get('/v1/credentials'));
      internal(await account.developer.post(`/v1/credentials/${key.credential.id}/rotate`));
      unavailable(await gateway(key.client_secret));
    },
  },
  kept_secret: {
    pick: of(key.credential.id),
    ask: async () => {
      internal(await account.developer.post(`/v1/credentials/${key.credential.id}/reveal`));
      assert.equal((await verify(vault, key.client_secret)).code, 'VALID');
    },
  },
  credential_by_account: { // the last row of an account also has the count of its places
    pick: ({ key: name }) => name.startsWith(handleOf(account.id)),
    async ask() {
      internal(await account.developer.get('/v1/credentials'));
      internal(await account.developer.post('/v1/credentials',
        { account_id: account.id, mode: 'test', name: 'x', scopes: ['orders.read'] }));
    },
  },
  claim: {
    pick: of(things.claim_id),
    ask: async () => {
      internal(await vault.anonymous.post('/v1/claims/lookup', { claim }));
      internal(await vault.anonymous.post('/v1/claims', { claim }));
    },
  },
  request: {
    pick: of(request.id),
    ask: async () => internal(await account.developer.get(`/v1/requests/${request.id}`)),
  },
  request_index: {
    pick: ({ key: name }) => name.endsWith(handleOf(request.id)),
    ask: async () => {
      internal(await account.developer.get('/v1/requests'));
      internal(await vault.as('auditor').get('/v1/requests?state=pending'));
    },
  },
  request_count: {
    pick: () => true,
    ask: async () => internal(await vault.as('reviewer').get('/v1/requests?assigned=me')),
  },
  request_panel: {
    pick: () => true,
    ask: async () => internal(await vault.as('reviewer').get('/v1/requests?assigned=me')),
  },
  request_queue: {
    pick: ({ key: name }) => name.endsWith(handleOf(request.id)),
    ask: async () => internal(await vault.as('reviewer').get('/v1/requests?assigned=me')),
  },
  request_stale: { quiet: true },
  request_seen: {
    pick: of(asked.id),
    ask: async () => internal(await account.developer.get(`/v1/requests/${asked.id}`)),
  },
  grant: {
    pick: of(live.request.grant_id),
    ask: async () => {
      internal(await vault.as('reviewer').post(`/v1/grants/${live.request.grant_id}/withdraw`));
      assert.equal((await verify(vault, live.client_secret)).code, 'VALID');
    },
  },
  audit: {
    pick: ({ key: name }) => name === '0000000000000005',
    ask: async () => internal(await vault.as('auditor').get('/v1/audit?order=oldest')),
  },
  audit_tile: {
    pick: ({ key: name }) => name === '000000000000000000',
    ask: async () => internal(await vault.as('auditor').get('/v1/audit/proof?index=1')),
  },
  usage_day: {
    pick: of(key.credential.id),
    ask: async () => internal(
      await account.developer.get(`/v1/credentials/${key.credential.id}/usage`)),
  },
  usage_last: {
    pick: of(key.credential.id),
    ask: async () => internal(
      await account.developer.get(`/v1/credentials/${key.credential.id}/usage`)),
  },
  replay: {
    pick: () => true,
    ask: async () => internal(
      await account.developer.post('/v1/tokens', things.kept, things.idempotency)),
  },
  due: { quiet: true },
};

/* What is done to a row; `neighbour` is another of its table, `stranger` one of another table. */
const damages = {
  'its first byte turned': (row) => flipped(row, 0),
  'its second byte turned': (row) => flipped(row, 1),
  'its third byte turned': (row) => flipped(row, 2),
  'its fourth byte turned': (row) => flipped(row, 3),
  'a byte of its middle turned': (row) => flipped(row, row.value.length >> 2),
  'its last byte turned': (row) => flipped(row, -1),
  'its end cut off': (row) => ({ ...row, value: row.value.slice(0, -2) }),
  'a byte added': (row) => ({ ...row, value: `${row.value}00` }),
  emptied: (row) => ({ ...row, value: '' }),
  'the value of its neighbour': (row, neighbour) => neighbour && { ...row, value: neighbour.value },
  'a value of another table': (row, _, stranger) => ({ ...row, value: stranger.value }),
};

async function othersGoOn() {
  assert.equal((await verify(vault, otherKey.client_secret)).code, 'VALID');
  const { credential, client_secret } = await newTestKey(other);
  const path = `/v1/credentials/${credential.id}`;
  assertStatus(await other.developer.get(path), 200);
  assertStatus(await other.developer.post(`${path}/revoke`), 200);
  assert.equal((await verify(vault, client_secret)).code, 'REVOKED');
}

/** What the vault has logged since it was last started. */
let told = 0;
const saidOf = (table) => {
  const line = new RegExp(`level=error .*edited, moved or damaged.* table=${table} key=[0-9a-f]`);
  return vault.log.slice(told).split('\n').some((text) => line.test(text));
};

async function damaged(table, { pick = () => true, ask, closed }, damage) {
  const all = await rows.list(table);
  const [stranger] = await rows.list(table === 'credential' ? 'request' : 'credential');
  const hit = all.filter(pick);
  assert.ok(hit.length > 0, `no row of ${table} to damage`);
  const changed = hit.map((row) => {
    const neighbour = all.find((one) => one.key !== row.key && !hit.includes(one)) ??
      all.find((one) => one.key !== row.key);
    return damage(row, neighbour, stranger);
  });
  if (changed.some((row) => !row)) return; // a table of one row has no neighbours
  told = vault.log.length;
  for (const row of changed) await rows.put(table, row);
  try {
    if (closed) {
      await assert.rejects(vault.start(), /ended before it was ready/);
      assert.match(vault.log.slice(told), /level=error/);
      return;
    }
    await vault.start();
    await ask();
    await vault.until(() => saidOf(table));
    await othersGoOn();
  } finally {
    if (vault.runs) await vault.stop();
    for (const row of hit) await rows.put(table, row);
  }
}

test('every table that there is has a case here', () => {
  assert.deepEqual(Object.keys(cases).sort(), Object.keys(tables).sort());
});

for (const [table, one] of Object.entries(cases).filter(([, { quiet }]) => !quiet))
  test(`a row of ${table} that was damaged is refused, however it was`, async () => {
    for (const [what, damage] of Object.entries(damages))
      await damaged(table, one, damage).catch((error) => {
        error.message = `${what}: ${error.message}`;
        throw error;
      });
  });

test('put right again, everything is as it was', async () => {
  await vault.start();
  assert.equal((await verify(vault, key.client_secret)).code, 'VALID');
  assert.equal((await verify(vault, suspendedKey.client_secret)).code, 'SUSPENDED');
  assertStatus(await vault.anonymous.post('/v1/claims', { claim }), 200);
  assertStatus(await vault.as('auditor').get('/v1/audit'), 200);
  await vault.stop();
});

test('damaged notes of what is due keep nothing else from ending', async () => {
  await vault.start();
  const before = await newTestKey(other, { expires_in_s: 3600 });
  const behind = await newTestKey(other, { expires_in_s: 7200 });
  await vault.stop();
  const isOf = ({ credential }) => ({ key: name }) => name.endsWith(handleOf(credential.id));
  const [row] = (await rows.list('due')).filter(isOf(before));
  await rows.put('due', flipped(row, -1));
  await rows.put('due', { key: '00', value: row.value });
  await vault.start();
  await vault.advance(DAY / 2);
  await vault.until(async () => (await auditOf(vault, { object: behind.credential.id }))
    .some(({ action }) => action === 'credential.expired'));
  assert.equal((await verify(vault, before.client_secret)).code, 'EXPIRED');
  await vault.stop();
  await rows.delete('due', { key: '00' });
});

test('an audit log with an entry edited, moved or gone names the first that is', async (t) => {
  const check = () => countersign(t, ['audit', 'verify', '--data', vault.data, '--format', 'json',
    '--allow-unlocked-memory']);
  const whole = await check();
  assert.deepEqual([whole.status, whole.json().first_bad], [0, null], whole.stderr);
  const all = await rows.list('audit');
  const [third, seventh] = [all[3], all[7]];
  const ways = [
    [[flipped(seventh, -1)], 7],
    [[{ ...third, value: seventh.value }, { ...seventh, value: third.value }], 3],
    [[{ ...seventh, value: '' }], 7],
  ];
  for (const [changed, first] of ways) {
    for (const row of changed) await rows.put('audit', row);
    const found = await check();
    assert.deepEqual([found.status, found.json().first_bad], [1, first], found.stderr);
    for (const row of [third, seventh]) await rows.put('audit', row);
  }
  await rows.delete('audit', seventh);
  const gone = await check();
  assert.deepEqual([gone.status, gone.json().first_bad], [1, 7]);
  await rows.put('audit', seventh);
  assert.equal((await check()).status, 0);
});
