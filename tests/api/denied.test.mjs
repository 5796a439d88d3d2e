// Who is refused what: driven from the document, which is made of the route table, so that a new
// route is tried with every wrong caller as soon as it exists, and fails where it cannot be.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { assertProblem, assertStatus } from './lib/caller.mjs';
import { auditCount, newAccount, newTestKey, newUser } from './lib/desk.mjs';
import { callFor, callerOf, perform } from './lib/operations.mjs';
import { writePolicy } from './lib/policy.mjs';
import { startVault } from './lib/vault.mjs';

const vault = await startVault(undefined, { policy: await writePolicy(), testClock: true });
after(() => vault.close());
const people = ['developer', 'reviewer', 'auditor', 'admin'];
const roles = [...people, 'gateway'];
const ids = 'cred req acct user tok svc clm grant'.split(' ');
const other = await newAccount(vault);

/** Tokens that were good once, or never, by what is wrong with them. */
const bad = await (async () => {
  const admin = vault.as('admin');
  const revoked = await newUser(vault, { roles: people });
  const service = (members) =>
    admin.post('/v1/tokens', { kind: 'service', name: 'gateway', ...members });
  const { secret, token } = assertStatus(await service({}), 201);
  for (const id of [revoked.token_id, token.id])
    assertStatus(await admin.post(`/v1/tokens/${id}/revoke`), 200);
  const disabled = await newUser(vault, { roles: people });
  assertStatus(await admin.patch(`/v1/users/${disabled.user.id}`, { status: 'disabled' }), 200);
  const order = { name: 'short', expires_in_s: 1 };
  const expired = assertStatus(await admin.post('/v1/tokens', order), 201).secret;
  const expiredService = assertStatus(await service({ expires_in_s: 1 }), 201).secret;
  await vault.advance(1000);
  const own = vault.tokens.developer;
  const { client_secret } = await newTestKey(await newAccount(vault));
  const common = {
    garbage: 'garbage',
    'made up': `cs_svc_${'0'.repeat(39)}`,
    truncated: own.slice(0, -1),
    'with one character changed': own.slice(0, -1) + (own.endsWith('a') ? 'b' : 'a'),
    'that is a credential': client_secret,
    'of a revoked service': secret,
    'of an expired service': expiredService,
  };
  // To a gateway's own calls every person's token is of the wrong kind: 403, good or not.
  const ofPeople = {
    revoked: revoked.token,
    expired,
    'of a disabled user': disabled.token,
  };
  return (who) => (`${who}` === 'gateway' ? common : { ...common, ...ofPeople });
})();

/* How each kind of object in a path is another's: who asks for it then, and is to be told 404. */
const foreign = {
  cred: other.developer,
  req: other.developer,
  acct: other.developer,
  tok: other.developer,
  svc: other.developer,
  user: null, // people belong to no account; who may see one may see all
  grant: other.developer,
};

/** The prefixes of the id in an operation's path: ["tok", "svc"]. */
function kindsOf(operation) {
  const described = operation.parameters?.find((parameter) => parameter.in === 'path');
  return described && /^\^\(?([a-z|]+)\)?_/.exec(described.schema.pattern)[1].split('|');
}

const replaceId = (path, id) => path.replace(/[a-z]+_[0-9A-Z]{26}/, id);

async function prepared(operation) {
  const desk = { vault, account: await newAccount(vault) };
  const call = await callFor(operation, desk);
  return { call, caller: callerOf(desk, call) };
}

/** Nothing that `fn` does may leave a trace of a change. */
async function changesNothing(fn) {
  const before = await auditCount(vault);
  await fn();
  assert.equal(await auditCount(vault), before, 'the audit log has grown');
}

for (const [method, template, operation] of vault.contract.operations()) {
  const name = operation.operationId;
  const who = operation['x-countersign-who'];
  const proved = who.every((one) => !roles.includes(one));

  test(`${name} says in the document who may call it`, () => {
    assert.ok(who.length > 0);
    assert.ok(!proved || who.length === 1, 'a route for roles and for others is for others');
  });

  if (!proved) {
    test(`${name} refuses a caller without a good token`, async () => {
      const { call } = await prepared(operation);
      const { 'Content-Type': sentAs } = call.headers ?? {};
      const type = sentAs && { 'Content-Type': sentAs };
      const tried = (headers) => vault.anonymous.call(method, call.path,
        { body: call.body, headers: { ...headers, ...type } });
      await changesNothing(async () => {
        const none = await tried({});
        assertProblem(none, 401, 'unauthenticated');
        assert.equal(none.headers['www-authenticate'], 'Bearer');
        for (const [what, token] of Object.entries(bad(who))) {
          const answer = await tried(call.forwarded ? { 'X-Countersign-Token': token }
            : { Authorization: `Bearer ${token}` });
          assertProblem(answer, 401, 'unauthenticated');
          assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"', what);
          assert.ok(!answer.text.includes(token), 'the refusal repeats the token');
        }
        for (const scheme of ['Basic', 'Token', 'Bearer'])
          assertProblem(await tried({ Authorization: scheme }), 401, 'unauthenticated');
      });
    });

    test(`${name} refuses every role but ${who.join(', ')}`, async () => {
      const { call } = await prepared(operation);
      await changesNothing(async () => {
        for (const role of roles.filter((one) => !who.includes(one)))
          assertProblem(await perform(vault.as(role), method, call), 403, 'forbidden');
      });
    });
  }

  if (template.includes('{')) {
    test(`${name} hides what is another's or not there`, async () => {
      const { call, caller } = await prepared(operation);
      const kinds = kindsOf(operation);
      const refused = async (who, path) =>
        assertProblem(await perform(who, method, { ...call, path }), 404, 'not_found');
      await changesNothing(async () => {
        for (const kind of kinds) {
          assert.ok(kind in foreign, `no table says how a ${kind} is another's`);
          if (foreign[kind] && who.includes('developer')) await refused(foreign[kind], call.path);
          await refused(caller, replaceId(call.path, `${kind}_${'0'.repeat(26)}`));
        }
        // The handle is right, what cannot be guessed is not.
        const [id] = /[a-z]+_[0-9A-Z]{26}/.exec(call.path);
        await refused(caller, replaceId(call.path, id.slice(0, -1) + (id.endsWith('0') ? 4 : 0)));
        for (const kind of ids.filter((one) => !kinds.includes(one)))
          await refused(caller, replaceId(call.path, kind + id.slice(id.indexOf('_'))));
        for (const odd of ['x', id.toLowerCase(), `${id}0`, `${id}%20`, '%27', '*'])
          await refused(caller, replaceId(call.path, odd));
        for (const odd of [`${id}%00`, '%2e%2e', '..', ''])
          assertProblem(await perform(caller, method,
            { ...call, path: replaceId(call.path, odd) }), 400, 'malformed');
      });
      const answer = await perform(caller, method, call);
      assert.notEqual(answer.status, 404, 'the one that is one\'s own was not there either');
    });
  }

  const body = vault.contract.follow(
    operation.requestBody?.content['application/json']?.schema ?? {});
  if (body.properties?.account_id) {
    test(`${name} hides another's account that its body names`, async () => {
      const { call } = await prepared(operation);
      await changesNothing(async () => {
        const unknown = { ...call.body, account_id: `acct_${'1'.repeat(26)}` };
        for (const named of [call.body, unknown])
          assertProblem(await perform(other.developer, method, { ...call, body: named }), 404);
      });
    });
  }

  if (operation.parameters?.some((one) => one.name === 'account_id' && one.in === 'query')) {
    test(`${name} hides another's account that its query names`, async () => {
      const { id } = await newAccount(vault);
      for (const account of [id, `acct_${'1'.repeat(26)}`]) {
        const path = `${template}?account_id=${account}`;
        if (who.includes('developer')) assertProblem(await other.developer.get(path), 404);
      }
    });
  }
}

test('lists show a developer nothing of another account', async () => {
  const account = await newAccount(vault);
  const { credential } = await newTestKey(account);
  for (const path of ['/v1/credentials', '/v1/requests', '/v1/accounts', '/v1/tokens']) {
    const { items } = assertStatus(await other.developer.get(path), 200);
    for (const item of items)
      assert.ok(![item.id, item.account_id].includes(account.id), `${path} shows ${item.id}`);
    assert.ok(!JSON.stringify(items).includes(credential.id), path);
  }
});

test('whoever sees all accounts is told of one that is not there', async () => {
  const order = { mode: 'live', scopes: ['orders.read'], account_id: `acct_${'1'.repeat(26)}` };
  for (const role of ['reviewer', 'auditor', 'admin'])
    assertProblem(await vault.as(role).post('/v1/policy/explain', order), 404, 'not_found');
});

test('claims refuse what is no claim, and what is one of another kind', async () => {
  const { claim } = (await newTestKey(other, { delivery: 'claim' })).claim;
  for (const token of ['x', `cs_claim_${'0'.repeat(39)}`, vault.tokens.admin, claim.slice(0, -1)])
    for (const path of ['/v1/claims', '/v1/claims/lookup'])
      assertProblem(await vault.anonymous.post(path, { claim: token }), 404, 'not_found');
});

test('a key\'s own calls refuse whatever is no key', async () => {
  const { client_secret } = await newTestKey(other);
  const pair = (text) => `Basic ${Buffer.from(text).toString('base64')}`;
  const wrong = [undefined, 'Bearer x', `Bearer ${vault.tokens.developer}`, 'Basic %', pair(''),
    pair('no-colon'), pair(`cs_id_${'0'.repeat(39)}:${client_secret}`), `Digest ${client_secret}`];
  for (const value of wrong)
    for (const [method, path] of [['GET', '/v1/me'], ['POST', '/v1/me/revoke']]) {
      const headers = value ? { Authorization: value } : {};
      const answer = await vault.anonymous.call(method, path, { headers });
      assertProblem(answer, 401, 'unauthenticated');
      assert.match(answer.headers['www-authenticate'], value ? /invalid_token/ : /^Bearer$/, value);
    }
});
