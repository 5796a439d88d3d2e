// The policies of the model check, as the model understands them: written by hand beside the text
// that the server gets, so that neither is derived from the other.
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const SCOPES = ['orders.read', 'orders.write', 'products.read', 'products.write',
  'themes.read'];
const isHigh = (scopes) => scopes.includes('orders.write');
const rule = (name, holds, approvals, more = {}) => ({ name, holds, approvals, ...more });

/** `changes` is the text for the server: what differs from tests/api/lib/policy.mjs. */
export const POLICIES = [
  {
    places: 2, requestMs: 3 * DAY, grantMs: 2 * DAY, claimMs: DAY, quarantines: true,
    rules: [rule('high-risk', isHigh, 2), rule('otherwise', () => true, 1)],
    changes: {
      live: { max_active: 2, request_expires_after: '3d', grant_expires_after: '2d',
        claim_expires_after: '1d', on_second_fetch: 'quarantine' },
    },
  },
  {
    places: 3, requestMs: 2 * DAY, grantMs: 36 * HOUR, claimMs: 12 * HOUR, quarantines: false,
    rules: [
      rule('themes', (scopes) => scopes.includes('themes.read'), 2,
        { quorum: { security: 1, platform: 1 } }),
      rule('high-comment', isHigh, 2, { groups: ['security'], comment: true }),
      rule('apart', () => true, 1, { members: false, notGroups: ['contractors'] }),
    ],
    changes: {
      live: { max_active: 3, request_expires_after: '2d', grant_expires_after: '36h',
        claim_expires_after: '12h', on_second_fetch: 'alert' },
      rules: [
        { name: 'themes', when: { any_scopes: ['themes.*'] }, approvals: 2,
          approvals_from: { security: 1, platform: 1 } },
        { name: 'high-comment', when: { risk: 'high' }, approvals: 2, groups: ['security'],
          comment: 'required' },
        { name: 'apart', approvals: 1,
          not_approved_by: ['account_members', 'group:contractors'] },
      ],
    },
  },
  {
    places: 2, requestMs: 3 * DAY, grantMs: 2 * DAY, claimMs: DAY, quarantines: true,
    rules: [
      rule('free', (scopes) => scopes.join() === 'products.read', 0),
      rule('short', () => true, 2, { self: true, withinS: 2 * 86_400 }),
    ],
    changes: {
      live: { max_active: 2, request_expires_after: '3d', grant_expires_after: '2d',
        claim_expires_after: '1d', on_second_fetch: 'quarantine' },
      rules: [
        { name: 'free', when: { scopes: ['products.read'] }, approvals: 0 },
        { name: 'short', approvals: 2, self_approval: true, expires_within: '2d' },
      ],
    },
  },
  {
    places: 2, requestMs: 2 * DAY, grantMs: 2 * DAY, claimMs: DAY, quarantines: true,
    rules: [
      rule('led', isHigh, 2, { groups: ['security', 'platform'], quorum: { security: 1 },
        escalate: { afterMs: 7 * HOUR, to: ['leads'] } }),
      rule('secure', () => true, 1, { groups: ['security'],
        escalate: { afterMs: 4 * HOUR, to: ['platform', 'leads'] } }),
    ],
    changes: {
      live: { max_active: 2, request_expires_after: '2d', grant_expires_after: '2d',
        claim_expires_after: '1d', on_second_fetch: 'quarantine', remind_after: ['5h', '9h'] },
      rules: [
        { name: 'led', when: { risk: 'high' }, approvals: 2, groups: ['security', 'platform'],
          approvals_from: { security: 1 }, escalate: { after: '7h', to: ['leads'] } },
        { name: 'secure', approvals: 1, groups: ['security'],
          escalate: { after: '4h', to: ['platform', 'leads'] } },
      ],
    },
  },
];

/** How many of a rule's places people can fill, each one place: by trying. */
export function filled({ approvals, quorum = {} }, people) {
  const places = Object.entries(quorum).flatMap(([group, count]) => Array(count).fill(group));
  while (places.length < approvals) places.push(null);
  const seat = (left, rest) => {
    if (left.length === 0 || rest.length === 0) return 0;
    const [person, ...others] = rest;
    let best = seat(left, others);
    left.forEach((group, index) => {
      if (group === null || person.groups.includes(group))
        best = Math.max(best, 1 + seat(left.filter((_, at) => at !== index), others));
    });
    return best;
  };
  return seat(places, people);
}
