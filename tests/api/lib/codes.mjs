// The codes of verification, and one way to each, for tests of every shape that the decision has.
import { assertProblem, assertStatus } from './caller.mjs';
import { fetchClaim, newTestKey, verify } from './desk.mjs';

const edit = async (account, { credential }, members) => assertStatus(
  await account.developer.patch(`/v1/credentials/${credential.id}`, members), 200);
const post = async (account, { credential }, verb, body) => assertStatus(
  await account.developer.post(`/v1/credentials/${credential.id}/${verb}`, body), 200);

/**
 * By code: a function of a vault (with a test clock, and a limit of sixty a minute) and a fresh
 * account to the body of the question that is answered so; null for a code that nobody can be told.
 */
export const ways = {
  VALID: async (vault, account) => ({ key: (await newTestKey(account)).client_secret }),
  MISSING: () => ({}),
  MALFORMED: async (vault, account) => ({
    key: (await newTestKey(account)).client_secret.slice(1),
  }),
  NOT_FOUND: async (vault, account) => {
    const made = await newTestKey(account);
    await post(account, made, 'rotate', { grace_s: 0 });
    return { key: made.client_secret };
  },
  REVOKED: async (vault, account) => {
    const made = await newTestKey(account);
    await post(account, made, 'revoke');
    return { key: made.client_secret };
  },
  EXPIRED: async (vault, account) => {
    const { client_secret } = await newTestKey(account, { expires_in_s: 1 });
    await vault.advance(1000);
    return { key: client_secret };
  },
  DISABLED: async (vault, account) => {
    const made = await newTestKey(account);
    await edit(account, made, { status: 'disabled' });
    return { key: made.client_secret };
  },
  WRONG_MODE: async (vault, account) => ({
    key: (await newTestKey(account)).client_secret, mode: 'live',
  }),
  SUSPENDED: async (vault, account) => {
    const { client_secret } = await newTestKey(account);
    const members = { status: 'suspended' };
    assertStatus(await vault.as('admin').patch(`/v1/accounts/${account.id}`, members), 200);
    return { key: client_secret };
  },
  QUARANTINED: async (vault, account) => {
    const { claim: { claim } } = await newTestKey(account, { delivery: 'claim' });
    const { body } = await fetchClaim(vault, claim);
    assertProblem(await fetchClaim(vault, claim), 410);
    return { key: body.client_secret };
  },
  IP_DENIED: async (vault, account) => {
    const made = await newTestKey(account);
    await edit(account, made, { allowed_ips: ['192.0.2.0/24'] });
    return { key: made.client_secret, ip: '192.0.3.1' };
  },
  // Until it is delivered there is no secret that could be proved.
  UNDELIVERED: null,
  INSUFFICIENT_SCOPE: async (vault, account) => ({
    key: (await newTestKey(account)).client_secret, scopes: ['orders.read', 'orders.write'],
  }),
  RATE_LIMITED: async (vault, account) => {
    const { client_secret } = await newTestKey(account);
    await verify(vault, client_secret, { cost: 60 });
    return { key: client_secret };
  },
};

/** The verdicts that tell of no credential, because none was proved. */
export const unproved = ['MISSING', 'MALFORMED', 'NOT_FOUND'];

/** The codes that the program has, in the order of its own table. */
export const codesOf = (vault) =>
  vault.contract.follow({ $ref: '#/components/schemas/verification' }).properties.code.enum;

/* What the contract says of each code to those who read headers: status, WWW-Authenticate. */
const invalid = 'Bearer error="invalid_token"';
export const table = {
  VALID: [200],
  MISSING: [401, 'Bearer'],
  MALFORMED: [401, invalid],
  NOT_FOUND: [401, invalid],
  REVOKED: [401, invalid],
  EXPIRED: [401, invalid],
  DISABLED: [401, invalid],
  WRONG_MODE: [403],
  SUSPENDED: [403],
  QUARANTINED: [403],
  IP_DENIED: [403],
  UNDELIVERED: [403],
  INSUFFICIENT_SCOPE: [403, 'Bearer error="insufficient_scope", scope="orders.write"'],
  RATE_LIMITED: [429],
};

/** Who it is: told with VALID, and with nothing else. */
export const identity = ['x-credential-id', 'x-account-id', 'x-client-id', 'x-mode', 'x-scopes'];
/** How often it may be used: told of every key that was proved. */
export const rates = ['ratelimit-policy', 'ratelimit', 'x-ratelimit-limit',
  'x-ratelimit-remaining', 'x-ratelimit-reset'];
