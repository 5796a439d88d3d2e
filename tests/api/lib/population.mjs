// A vault with many credentials and requests under the default policy, a change of that policy, and
// what the change does to each of them: worked out here from what was asked for, by rules that are
// written down a second time, so that nothing of the program is believed.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { assertStatus } from './caller.mjs';
import { approve, decide, newAccount, newName, newRequest } from './desk.mjs';
import { ROOT } from './vault.mjs';

const DAY = 86400;
const AT_ONCE = 48;

/** The default policy, but that an account may have many credentials. */
export async function wideDefault() {
  const text = await readFile(path.join(ROOT, 'policy/default.yaml'), 'utf8');
  return text.replaceAll('max_active: 2', 'max_active: 1000');
}

/** That policy as somebody proposes it: a scope goes, another becomes risky, keys live shorter. */
export function proposal(text) {
  const changes = [
    [/^ {2}themes\.write:.*\n/m, ''],
    ['scopes: [themes.read, themes.write]', 'scopes: [themes.read]'],
    ['{ description: Read reports }', '{ description: Read reports, risk: high }'],
    ['expires_after: 90d', 'expires_after: 60d'],
  ];
  return changes.reduce((now, [from, to]) => {
    const next = now.replace(from, to);
    if (next === now) throw new Error(`the default policy has no ${from}`);
    return next;
  }, text);
}

/* What is asked for, by turns: primes apart, so that every mixture comes. */
const wishes = [
  { scopes: ['orders.read'] },
  { scopes: ['themes.write'] },
  { bundle: 'theme-development' },
  { scopes: ['analytics.read', 'products.read'] },
  { bundle: 'report-automation' },
  { scopes: ['analytics.read', 'orders.write'] },
  { scopes: ['*'] },
  { scopes: ['analytics.read', 'themes.write'] },
  { scopes: ['themes.read'] },
  { bundle: 'catalog-sync', scopes: ['disputes.read'] },
  { scopes: ['webhooks.read', 'webhooks.write'] },
];
const lives = [undefined, 30 * DAY, 60 * DAY, 60 * DAY + 1, 90 * DAY];

async function inTurns(count, fn) {
  const out = [];
  for (let i = 0; i < count; i += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - i);
    out.push(...(await Promise.all(Array.from({ length: size }, (_, k) => fn(i + k)))));
  }
  return out;
}

async function newTest(account, index) {
  const wish = wishes[index % wishes.length];
  const life = lives[index % lives.length];
  const order = { account_id: account.id, mode: 'test', name: newName('key'), ...wish };
  if (life) order.expires_in_s = life;
  const { developer } = account;
  const { credential } = assertStatus(await developer.post('/v1/credentials', order), 201);
  const over = index % 13 === 0;
  if (over) assertStatus(await developer.post(`/v1/credentials/${credential.id}/revoke`), 200);
  return { ...credential, life: life ?? 90 * DAY, over };
}

/* The scope of all takes evidence first; everything else becomes a live credential. */
async function newLive(vault, account, index) {
  const wish = wishes[index % wishes.length];
  if (wish.scopes?.[0] === '*') return null;
  const asked = await newRequest(account, { scopes: [], ...wish });
  const { credential_id } = await approve(vault, asked);
  const { scopes, bundle } = asked;
  return { id: credential_id, mode: 'live', scopes, bundle, over: false };
}

async function newOpen(vault, account, index) {
  const asked = await newRequest(account, { scopes: [], ...wishes[index % wishes.length] });
  const needs = asked.rule.approvals_needed;
  if (index % 3 === 0)
    assertStatus(await decide(vault.as('reviewer2'), asked, 'ask'), 201);
  else if (index % 3 === 1 && needs === 2 && !asked.scopes.includes('*'))
    assertStatus(await decide(vault.as('reviewer'), asked, 'approve'), 201);
  return { id: asked.id, mode: 'live', scopes: asked.scopes, bundle: asked.bundle, over: false };
}

/** Fills a vault under wideDefault(): resolves to everything that is in it. */
export async function populate(vault, { test, live, open }) {
  const accounts = await inTurns(24, () => newAccount(vault));
  const of = (index) => accounts[index % accounts.length];
  return [
    ...(await inTurns(test, (i) => newTest(of(i), i))),
    ...(await inTurns(live, (i) => newLive(vault, of(i), i))),
    ...(await inTurns(open, (i) => newOpen(vault, of(i), i))),
  ].filter(Boolean);
}

const risky = ['orders.write', 'customers.read', 'customers.write', 'payments.read', '*'];

/** What proposal() does to one of them: the kinds of effects, in their order. */
export function effectsOf({ mode, scopes, bundle, life, over }) {
  const has = (scope) => scopes.includes(scope) || scopes.includes('*');
  const effects = [];
  if (over) return effects;
  if (has('themes.write')) effects.push('scopes_lost');
  if (bundle === 'theme-development') effects.push('bundle');
  const was_risky = scopes.some((scope) => risky.includes(scope));
  /* With a scope that is gone the same request can not be made: there is nothing to compare. */
  const can_ask = !scopes.includes('themes.write');
  if (mode === 'live' && can_ask && !was_risky && scopes.includes('analytics.read'))
    effects.push('demand');
  if (mode === 'test' && life > 60 * DAY) effects.push('life');
  return effects;
}
