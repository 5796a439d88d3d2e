// Policies for tests, as files: JSON is YAML too. What a test does not name is as a small shop has
// it; the limits of active credentials are high, so that only tests of limits meet them.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from './vault.mjs';

const scopes = {
  'orders.read': { description: 'Read orders' },
  'orders.write': { description: 'Change orders', risk: 'high' },
  'products.read': { description: 'Read products' },
  'products.write': { description: 'Change products' },
  'themes.read': { description: 'Read themes' },
};
const bundles = {
  'order-sync': { description: 'Order sync', scopes: ['orders.read', 'orders.write'] },
};
const test = {
  issue: 'self_service',
  max_active: 1000,
  secret: 'once',
  expires_after: '90d',
  rate_limit: '1000000/1m',
  claim_expires_after: '72h',
  on_second_fetch: 'quarantine',
  rotate_grace_max: '7d',
};
const live = {
  issue: 'approval',
  max_active: 1000,
  secret: 'once',
  rate_limit: '1000000/1m',
  claim_expires_after: '72h',
  on_second_fetch: 'quarantine',
  rotate_grace_max: '7d',
  on_leak: 'quarantine',
  request_expires_after: '14d',
  grant_expires_after: '30d',
};
const rules = [
  { name: 'high-risk', when: { risk: 'high' }, approvals: 2 },
  { name: 'otherwise', approvals: 1 },
];

/** The text of a policy; `test` and `live` are merged over what is above, `rules` replaces. */
export function policyText(changes = {}) {
  return JSON.stringify({
    version: 1,
    brand: changes.brand ?? 'cs',
    scopes: { ...scopes, ...changes.scopes },
    bundles: changes.bundles ?? bundles,
    modes: {
      test: { ...test, ...changes.test },
      live: { ...live, ...changes.live, rules: changes.rules ?? rules },
    },
  }, null, 1);
}

/** Writes it where it lasts as long as the test `t`, or the process; resolves to its path. */
export async function writePolicy(t, changes) {
  const file = path.join(await temporaryFolder(t), 'policy.yaml');
  await writeFile(file, policyText(changes));
  return file;
}
