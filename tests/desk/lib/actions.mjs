// What a step of a case can do. Each action takes the story, who acts, and what the step gives it,
// and resolves to the answer of the server, or to undefined where there is none to look at.
import assert from 'node:assert/strict';
import { duration } from './world.mjs';

const request = (story, verb = '') => `/v1/requests/${story.request.id}${verb}`;
const members = (what) => (what === true ? {} : what);

/** The account by its name in the case; Acme when none is given. */
const account = (story, name = 'acme') =>
  (story.accounts[name] ?? assert.fail(`no such account: ${name}`)).id;

async function file(story, who, { account: name, widens, ...order }) {
  const body = { account_id: account(story, name), name: 'Warehouse',
    use_case: 'To print labels.', ...order };
  if (widens) body.credential_id = widens === true ? story.credential : story.labels[widens];
  const answer = await who.post('/v1/requests', body);
  if (answer.status === 201) story.request = answer.body;
  return answer;
}

async function see(story, who) {
  const answer = await who.get(request(story));
  if (answer.status === 200)
    story.seen = { digest: answer.body.digest, etag: answer.headers.etag };
  return answer;
}

/** As `stated` says: "now", "seen", "digest" (as a tag), "none", or a tag. */
async function ifMatch(story, stated) {
  if (stated === undefined || stated === 'none') return {};
  const now = await story.look();
  const tags = { now: now.headers.etag, seen: story.seen?.etag, digest: `"${now.body.digest}"` };
  return { 'If-Match': tags[stated] ?? stated };
}

async function change(story, who, { if_match, ...body }) {
  return who.patch(request(story), body, { headers: await ifMatch(story, if_match) });
}

const decide = (decision) => async (story, who, what) => {
  const { if_match, digest = 'now', ...body } = members(what);
  const headers = await ifMatch(story, if_match);
  const digests = { now: async () => (await story.look()).body.digest, none: () => undefined,
    seen: () => story.seen.digest };
  body.digest = digest in digests ? await digests[digest]() : digest;
  return who.post(request(story, '/decisions'), { decision, ...body }, { headers });
};

async function claim(story, who, label) {
  const answer = await who.post(request(story, '/claims'), {});
  if (answer.status !== 201) return answer;
  story.claim = answer.body.claim;
  if (label !== true) story.labels[label] = story.claim;
  return answer;
}

/** What the server does behind by itself is done, for certain, before the next step. */
async function sweep(story) {
  await story.world.turn(0, { sweep: true });
}

/** The step's claim: the one that is named, or the one that was made last. */
const claimOf = (story, { claim: label } = {}) => story.labels[label] ?? story.claim;

async function fetch(story, who, what) {
  const { public_key, ...rest } = typeof what === 'string' ? { public_key: what } : members(what);
  const body = { claim: claimOf(story, rest), ...(public_key && { public_key }) };
  const answer = await story.vault.anonymous.post('/v1/claims', body);
  story.sealed = answer.body?.sealed !== undefined;
  if (answer.status === 200 && !story.sealed) {
    story.pair = { client_id: answer.body.client_id, client_secret: answer.body.client_secret };
    if (rest.is) story.labels[rest.is] = story.pair;
  }
  return answer;
}

function acknowledge(story, who, what) {
  const { client_id, client_secret } = story.pair;
  const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
  return story.vault.anonymous.post('/v1/claims/acknowledge',
    { claim: claimOf(story, members(what)), client_id },
    { headers: { Authorization: `Basic ${basic}` } });
}

function lookup(story, who, what) {
  return story.vault.anonymous.post('/v1/claims/lookup',
    { claim: claimOf(story, members(what)) });
}

/** As the gateway asks; `times` asks more than once, and the last answer counts. */
async function verify(story, who, what) {
  const { times = 1, pair, ...question } = Array.isArray(what) ? { scopes: what } : members(what);
  const key = (story.labels[pair] ?? story.pair).client_secret;
  let answer;
  for (let i = 0; i < times; i++)
    answer = await story.vault.as('gateway').post('/v1/verify', { key, ...question });
  story.verdict = answer.body.code;
  await sweep(story); // so that the first use is in the log before anything that follows
  return answer;
}

/** A test credential of Acme is verified for scopes, and refused as often as `bad` says. */
async function exercise(story, who, what) {
  const { scopes = [], times = 1, bad = 0 } = Array.isArray(what) ? { scopes: what } : what;
  const gateway = story.vault.as('gateway');
  if (!story.testKey) {
    const order = { account_id: account(story), mode: 'test', name: 'Test', scopes: ['*'] };
    const made = await who.post('/v1/credentials', order);
    assert.equal(made.status, 201, made.text);
    story.testKey = made.body.client_secret;
  }
  const codes = {
    VALID: { times, members: {} },
    WRONG_MODE: { times: bad, members: { mode: 'live' } },
  };
  for (const [code, one] of Object.entries(codes))
    for (let i = 0; i < one.times; i++) {
      const answer = await gateway.post('/v1/verify',
        { key: story.testKey, ...(scopes.length && { scopes }), ...one.members });
      assert.equal(answer.body.code, code, answer.text);
    }
  await sweep(story);
}

async function list(story, who, what) {
  const { assigned, account: name, ...query } = members(what);
  if (assigned) query.assigned = 'me';
  const own = story.actor === 'dev' || story.actor === 'globex' || story.actor === 'dev2';
  if (name || !own) query.account_id = account(story, name);
  const answer = await who.get(`/v1/requests?limit=10&${new URLSearchParams(query)}`);
  story.listed = answer.body.items?.length ?? 0;
  return answer;
}

async function turn(story, who, what) {
  await story.world.turn(duration(what), { sweep: true });
}

async function policy(story, who, what) {
  story.reloaded = await story.world.reload(what, story.accounts);
}

function accountStatus(story, who, what) {
  const change = typeof what === 'string' ? { status: what } : what;
  return story.vault.as('admin').patch(`/v1/accounts/${account(story)}`, change);
}

async function user(story, who, { name, ...change }) {
  const { user: { id } } = await story.people.find(name);
  if (change.accounts) change.accounts = change.accounts.map((one) => account(story, one));
  return story.vault.as('admin').patch(`/v1/users/${id}`, change);
}

/** Who acts has other groups or roles, is disabled, or joins Acme as a developer. */
async function person(story, who, { joins, role, ...change }) {
  if (joins) Object.assign(change, { accounts: ['acme'], roles: ['developer', 'reviewer'] });
  if (role) change.roles = [role];
  return user(story, who, { name: story.actor, ...change });
}

async function explain(story, who, { account: name, ...question }) {
  return who.post('/v1/policy/explain', { account_id: account(story, name), ...question });
}

const credential = (story, verb = '') => `/v1/credentials/${story.credential}${verb}`;

export const actions = {
  file,
  see,
  change,
  approve: decide('approve'),
  reject: decide('reject'),
  ask: decide('ask'),
  reply: (story, who, text) => who.post(request(story, '/replies'), { text }),
  withdraw: (story, who) => who.post(request(story, '/withdraw')),
  withdraw_grant: (story, who) => who.post(`/v1/grants/${story.request.grant_id}/withdraw`),
  claim,
  lookup,
  fetch,
  acknowledge,
  verify,
  edit: (story, who, what) => who.patch(credential(story), what),
  narrow: (story, who, scopes) => who.patch(credential(story), { scopes }),
  rotate: (story, who, what) => who.post(credential(story, '/rotate'), members(what)),
  revoke: (story, who) => who.post(credential(story, '/revoke')),
  release: (story, who, comment) => who.post(credential(story, '/release'), { comment }),
  exercise,
  list,
  explain,
  account: accountStatus,
  user,
  person,
  policy,
  turn,
  sweep,
  renew: sweep, // the server moves its queue with each sweep
};
