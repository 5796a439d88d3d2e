// The story's steps, by the HTTP interface alone, for tests that begin where it has got to.
import { assertStatus } from './caller.mjs';

let made = 0;

/** A name that no other object of this process has. */
export function newName(what) {
  return `${what} ${++made}`;
}

/** A user with roles, groups and accounts as given, who calls: {user, caller, token, token_id}. */
export async function newUser(vault, members) {
  const admin = vault.as('admin');
  const email = `${newName('user').replace(' ', '')}@people.example`;
  const user = assertStatus(await admin.post('/v1/users', { email, ...members }), 201);
  const made = await admin.post('/v1/tokens', { user_id: user.id, name: 'test' });
  const { secret, token } = assertStatus(made, 201);
  return { user, caller: vault.with(secret), token: secret, token_id: token.id };
}

export function newReviewer(vault, ...groups) {
  return newUser(vault, { roles: ['reviewer'], groups });
}

/** An account that nobody else has, and that has nobody yet. */
export async function newAccountOf(vault, members = {}) {
  const order = { name: newName('Shop'), ...members };
  return assertStatus(await vault.as('admin').post('/v1/accounts', order), 201);
}

/** An account of its own with its developer, out of the way of other tests: {id, developer, …}. */
export async function newAccount(vault, members = {}) {
  const { id } = await newAccountOf(vault, members);
  const { user, caller, token } = await newUser(vault, { roles: ['developer'], accounts: [id] });
  return { id, user, developer: caller, token };
}

/** A test credential of the account: {credential, client_secret}, or {credential, claim}. */
export async function newTestKey(account, members = {}) {
  const order = { account_id: account.id, mode: 'test', name: newName('key') };
  if (!members.bundle) order.scopes = ['orders.read'];
  const answer = await account.developer.post('/v1/credentials', { ...order, ...members });
  return assertStatus(answer, 201);
}

/** A request for a live credential that takes one approval, unless `members` make it more. */
export async function newRequest(account, members = {}) {
  const order = {
    account_id: account.id,
    name: newName('live key'),
    scopes: ['products.read'],
    use_case: 'The shop shows what it sells.',
    ...members,
  };
  return assertStatus(await account.developer.post('/v1/requests', order), 201);
}

/** One decision on what the request is now; resolves to the answer. */
export async function decide(reviewer, request, decision, members = {}) {
  const path = `/v1/requests/${request.id}`;
  const { digest } = assertStatus(await reviewer.get(path), 200);
  const order = { decision, digest, ...members };
  if (decision !== 'approve') order.comment ??= 'A reason.';
  return reviewer.post(`${path}/decisions`, order);
}

/** Approved by `reviewer`, and by `reviewer2` if that takes two; resolves to the request. */
export async function approve(vault, request, members = {}) {
  let now = request;
  for (const role of ['reviewer', 'reviewer2'].slice(0, request.rule.approvals_needed))
    now = assertStatus(await decide(vault.as(role), request, 'approve', members), 201).request;
  return now;
}

export async function newClaim(account, request) {
  return assertStatus(await account.developer.post(`/v1/requests/${request.id}/claims`), 201);
}

export function fetchClaim(vault, claim, members = {}) {
  return vault.anonymous.post('/v1/claims', { claim, ...members });
}

/** From the request to the pair: {request, claim, credential, client_id, client_secret}. */
export async function newLiveKey(vault, account, members = {}) {
  const request = await approve(vault, await newRequest(account, members));
  const { claim } = await newClaim(account, request);
  return { request, claim, ...assertStatus(await fetchClaim(vault, claim), 200) };
}

/** The gateway's question; `members` beside the key. Resolves to the answer's body. */
export async function verify(vault, key, members = {}) {
  return assertStatus(await vault.as('gateway').post('/v1/verify', { key, ...members }), 200);
}

/** The audit log's entries that fit the query, newest first, as far as one page goes. */
export async function auditOf(vault, query) {
  const page = await vault.as('auditor').get(`/v1/audit?limit=100&${new URLSearchParams(query)}`);
  return assertStatus(page, 200).items;
}

/** How many entries the audit log has. */
export async function auditCount(vault) {
  const [last] = assertStatus(await vault.as('auditor').get('/v1/audit?limit=1'), 200).items;
  return last.index + 1;
}
