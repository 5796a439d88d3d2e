// For every operation of the interface, one call that succeeds. What drives its tests off the
// published document looks its operation up here, so an operation without a row fails them.
import { createHmac } from 'node:crypto';
import {
  approve, fetchClaim, newClaim, newLiveKey, newName, newRequest, newReviewer, newTestKey,
} from './desk.mjs';
import { policyText } from './policy.mjs';

const basic = (pair) => {
  const text = `${pair.client_id}:${pair.client_secret}`;
  return { Authorization: `Basic ${Buffer.from(text).toString('base64')}` };
};
/** What says that a pair arrived, and does not show it. */
export const proofOf = ({ client_secret }, claim) => createHmac('sha256', client_secret)
  .update(`countersign acknowledge ${claim}`).digest('base64');
const get = (path, as = 'developer') => () => ({ path, as });
const testKey = async ({ account }) => (await newTestKey(account)).credential;
const claimed = async ({ account }) => newTestKey(account, { delivery: 'claim' });
const credential = (suffix, body) => async (desk) => ({
  path: `/v1/credentials/${(await testKey(desk)).id}${suffix}`,
  body,
});
const request = (suffix, body) => async (desk) => ({
  path: `/v1/requests/${(await newRequest(desk.account)).id}${suffix}`,
  body,
});
const otherUser = async ({ vault }) => (await newReviewer(vault)).user;

/**
 * By operationId: a function of {vault, account}, account being a fresh one with its developer
 * (lib/desk.mjs), to {path, body, headers, forwarded, as}. `as` is a role of the demo vault,
 * 'developer' (of that account) when it is left out, or null for a call without a token.
 */
export const operations = {
  'credential.list': get('/v1/credentials'),
  'credential.create': ({ account }) => ({
    path: '/v1/credentials',
    body: {
      account_id: account.id, mode: 'test', name: 'valid', description: 'A key', kind: 'api_key',
      bundle: 'order-sync', scopes: ['orders.read'], expires_in_s: 3600,
      allowed_ips: ['10.0.0.0/8'], delivery: 'response',
    },
  }),
  'credential.show': credential(''),
  'credential.edit': credential('', {
    name: 'valid', description: 'Another', scopes: ['orders.read'], allowed_ips: ['::1'],
    status: 'disabled',
  }),
  'credential.revoke': credential('/revoke', { reason: 'superseded' }),
  'credential.rotate': credential('/rotate', { grace_s: 120, quiet_s: 60 }),
  'credential.reveal': credential('/reveal', {}),
  'credential.usage': credential('/usage?days=7'),
  'credential.release': async ({ vault, account }) => {
    const { claim, credential: { id } } = await newLiveKey(vault, account);
    await fetchClaim(vault, claim);
    return { path: `/v1/credentials/${id}/release`, body: { comment: 'Fine.' }, as: 'reviewer' };
  },
  'request.list': get('/v1/requests'),
  'request.count': get('/v1/requests/counts'),
  'request.create': ({ account }) => ({
    path: '/v1/requests',
    body: {
      account_id: account.id, name: 'valid', bundle: 'order-sync', scopes: ['products.read'],
      use_case: 'A use', credential_id: null, recipient_email: 'ops@shop.example',
      recipient_public_key: Buffer.alloc(32, 9).toString('base64'), expires_in_s: 3600,
      allowed_ips: ['192.0.2.7'],
    },
  }),
  'request.show': request(''),
  'request.edit': request('', {
    name: 'valid', bundle: 'order-sync', scopes: ['themes.read'], use_case: 'Another use',
    recipient_email: null, recipient_public_key: null, expires_in_s: 60, allowed_ips: [],
  }),
  'request.reply': request('/replies', { text: 'An answer.' }),
  'request.withdraw': request('/withdraw', {}),
  'request.claim': async ({ vault, account }) => {
    const { id } = await approve(vault, await newRequest(account));
    return { path: `/v1/requests/${id}/claims`, body: { with_code: true } };
  },
  'request.decide': async ({ account }) => {
    const { id, digest, scopes } = await newRequest(account);
    return {
      path: `/v1/requests/${id}/decisions`,
      body: { decision: 'approve', digest, comment: 'Fine.', scopes, expires_in_s: 60 },
      as: 'reviewer',
    };
  },
  'grant.show': async ({ vault, account }) => {
    const { grant_id } = await approve(vault, await newRequest(account));
    return { path: `/v1/grants/${grant_id}` };
  },
  'grant.withdraw': async ({ vault, account }) => {
    const { grant_id } = await approve(vault, await newRequest(account));
    const body = { comment: 'The contract ended.' };
    return { path: `/v1/grants/${grant_id}/withdraw`, body, as: 'reviewer' };
  },
  'claim.lookup': async (desk) => ({
    path: '/v1/claims/lookup',
    body: { claim: (await claimed(desk)).claim.claim },
    as: null,
  }),
  'claim.fetch': async ({ vault, account }) => ({
    path: '/v1/claims',
    body: {
      claim: (await newClaim(account, await approve(vault, await newRequest(account)))).claim,
      public_key: Buffer.alloc(32, 9).toString('base64'), code: null,
    },
    as: null,
  }),
  'claim.acknowledge': async (desk) => {
    const { claim: { claim } } = await claimed(desk);
    const { body: pair } = await fetchClaim(desk.vault, claim);
    return {
      path: '/v1/claims/acknowledge',
      body: { claim, client_id: pair.client_id, proof: proofOf(pair, claim) },
      as: null,
    };
  },
  'leak.report': async ({ account }) => ({
    path: '/v1/leaks',
    body: { tokens: [(await newTestKey(account)).client_secret] },
    as: null,
  }),
  'leak.patterns': get('/v1/leaks/patterns', null),
  'account.list': get('/v1/accounts'),
  'account.create': () => ({
    path: '/v1/accounts',
    body: { name: 'valid', tags: ['eu', 'partner'] },
    as: 'admin',
  }),
  'account.show': ({ account }) => ({ path: `/v1/accounts/${account.id}` }),
  'account.edit': ({ account }) => ({
    path: `/v1/accounts/${account.id}`,
    body: { name: 'valid', tags: ['us'], status: 'suspended', suspend_reason: 'unpaid' },
    as: 'admin',
  }),
  'user.list': get('/v1/users', 'auditor'),
  'user.create': ({ account }) => ({
    path: '/v1/users',
    body: {
      email: `${newName('valid').replace(' ', '')}@people.example`, name: 'Valid',
      roles: ['developer', 'reviewer'], groups: ['security'], accounts: [account.id],
    },
    as: 'admin',
  }),
  'user.show': async (desk) => ({
    path: `/v1/users/${(await otherUser(desk)).id}`,
    as: 'reviewer',
  }),
  'user.edit': async (desk) => ({
    path: `/v1/users/${(await otherUser(desk)).id}`,
    body: {
      name: 'Valid', roles: ['auditor'], groups: ['platform'], accounts: [desk.account.id],
      status: 'disabled',
    },
    as: 'admin',
  }),
  'token.list': get('/v1/tokens'),
  'token.create': () => ({
    path: '/v1/tokens',
    body: { kind: 'service', user_id: null, name: 'valid', roles: ['gateway'], expires_in_s: 60 },
    as: 'admin',
  }),
  'token.revoke': async ({ account }) => {
    const { body } = await account.developer.post('/v1/tokens', { name: 'to be revoked' });
    return { path: `/v1/tokens/${body.token.id}/revoke`, body: {} };
  },
  'verification.verify': async ({ account }) => ({
    path: '/v1/verify',
    body: {
      key: (await newTestKey(account)).client_secret, client_id: null, client_secret: null,
      mode: 'test', scopes: ['orders.read'], ip: '192.0.2.7', cost: 1,
      any_scopes: ['orders.read', 'themes.read'],
    },
    as: 'gateway',
  }),
  'verification.batch': async ({ account }) => ({
    path: '/v1/verify/batch',
    body: { items: [{ key: (await newTestKey(account)).client_secret }, {}] },
    as: 'gateway',
  }),
  'verification.authorize': async ({ account }) => ({
    path: '/v1/authorize/orders/7?mode=test&scope=orders.read&page=2',
    headers: { Authorization: `Bearer ${(await newTestKey(account)).client_secret}` },
    forwarded: true,
    as: 'gateway',
  }),
  'oauth.introspect': async ({ account }) => ({
    path: '/oauth/introspect',
    body: `token=${(await newTestKey(account)).client_secret}&token_type_hint=access_token`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    as: 'gateway',
  }),
  'me.get': async ({ account }) => ({
    path: '/v1/me',
    headers: { Authorization: `Bearer ${(await newTestKey(account)).client_secret}` },
    as: null,
  }),
  'me.revoke': async ({ vault, account }) => ({
    path: '/v1/me/revoke',
    body: {},
    headers: basic(await newLiveKey(vault, account)),
    as: null,
  }),
  'policy.show': get('/v1/policy'),
  'policy.explain': async ({ vault, account }) => ({
    path: '/v1/policy/explain',
    body: {
      account_id: account.id, mode: 'live', bundle: 'order-sync', scopes: ['products.read'],
      credential_id: (await newLiveKey(vault, account)).credential.id,
    },
  }),
  'policy.diff': () => ({
    path: '/v1/policy/diff?limit=5', body: { policy: policyText() }, as: 'auditor',
  }),
  'audit.list': get('/v1/audit', 'auditor'),
  'audit.checkpoint': get('/v1/audit/checkpoint'),
  'audit.prove_inclusion': get('/v1/audit/proof?index=0'),
  'audit.prove_consistency': get('/v1/audit/consistency?from=1'),
  'audit.export': get('/v1/audit/export', 'auditor'),
  'system.health': get('/healthz', null),
  'system.metrics': get('/metrics', 'auditor'),
  'system.ready': get('/readyz', null),
  'system.openapi': get('/openapi.json', null),
  'system.whoami': get('/v1/whoami', 'gateway'),
  'test.clock': () => ({
    path: '/v1/test/clock',
    body: { advance_ms: 1, hold: false, sweep: false },
    as: 'admin',
  }),
};

/** Whoever the call is to be made by: a Caller. */
export function callerOf({ vault, account }, { as = 'developer' }) {
  if (as === null) return vault.anonymous;
  return as === 'developer' ? account.developer : vault.as(as);
}

/** Makes the call; resolves to the answer. */
export function perform(caller, method, { path, body, headers, forwarded }) {
  return caller.call(method, path, { body, headers, forwarded });
}

/** What the call of an operation is, or an error that says which row is missing. */
export async function callFor(operation, desk) {
  const row = operations[operation.operationId];
  if (!row) throw new Error(`lib/operations.mjs has no call for ${operation.operationId}`);
  return row(desk);
}
