import { ATTR, type WrittenLink } from '../../src/index.js';
import { digestOf, edit, rechain, rehash, Script } from '../script.js';
import { acting, at, CHILD, type Claims, disclosedWith, family, plain, replace, spanWithout, without } from './claim.js';

// What counts against integrity: the chain itself.

export const integrityClaims: Claims = {
  malformed: [
    {
      that: 'a link without its kind, at the seq that it states',
      arrives: () => [...plain(), spanWithout(at(plain(), 3), ATTR.kind)],
      finds: ['malformed@3'],
    },
    {
      that: 'a link without session, at large',
      arrives: () => [...plain(), spanWithout(at(plain(), 3), ATTR.sessionId)],
      finds: ['malformed@0'],
    },
  ],
  content_mismatch: [
    {
      that: 'an edited link',
      arrives: () => replace(plain(), edit(at(plain(), 3), { 'custody.note': 'x' })),
      finds: ['content_mismatch@3'],
    },
    {
      that: 'an edited copy beside the genuine one',
      arrives: () => [...plain(), edit(at(plain(), 3), { 'custody.note': 'x' })],
      finds: ['content_mismatch@3'],
    },
    {
      that: 'an edited copy of a deny that would have erased it',
      arrives: () => {
        const { links } = new Script('deny').start().intent('a', 'deny').outcome('a').end();
        return [edit(at(links, 2), { [ATTR.policyDecision]: 'allow' }), ...links];
      },
      finds: ['content_mismatch@2', 'executed_after_deny@3'],
    },
  ],
  broken_link: [
    {
      that: 'a first link that names a predecessor',
      arrives: () => rechain(plain(), (link) => (link.seq === 1 ? { [ATTR.prev]: '1'.repeat(64) } : {})),
      finds: ['broken_link@1'],
    },
    {
      that: 'a link that names another one than the one before',
      arrives: () => replace(plain(), rehash(at(plain(), 3), { 'custody.note': 'x' })),
      finds: ['broken_link@4'],
    },
    {
      that: 'a link that fills a hole and fits neither neighbour',
      arrives: () => [...without(plain(), 3), 40_000, rehash(at(plain(), 3), { [ATTR.prev]: '1'.repeat(64) })],
      finds: ['broken_link@3', 'broken_link@4'],
    },
    {
      that: 'an edited session.end, whose prev goes to the standing copy of each hash',
      arrives: () => replace(plain(), edit(at(plain(), 4), { [ATTR.prev]: '1'.repeat(64) })),
      finds: ['broken_link@4', 'content_mismatch@4'],
    },
  ],
  fork: [
    {
      that: 'two links with different hashes for one seq',
      arrives: () => [...plain(), rehash(at(plain(), 3), { 'custody.note': 'x' })],
      finds: ['fork@3'],
    },
    {
      that: 'a link that goes on from either side of a fork',
      arrives: () => {
        const other = rehash(at(plain(), 3), { 'custody.note': 'x' });
        return [...plain(), other, rehash(at(plain(), 4), { [ATTR.prev]: other.hash })];
      },
      finds: ['fork@3', 'fork@4'],
    },
  ],
  disclosure_mismatch: [
    { that: 'edited content', arrives: () => disclosedWith({ [ATTR.toolArguments]: '{}' }), finds: ['disclosure_mismatch@2'] },
    { that: 'an edited reason', arrives: () => disclosedWith({ [ATTR.reason]: 'another' }), finds: ['disclosure_mismatch@2'] },
    {
      that: 'content without its salt',
      arrives: () => disclosedWith({ [ATTR.saltArguments]: undefined }),
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'content with a salt of another length',
      arrives: () => disclosedWith({ [ATTR.saltReason]: 'ab' }),
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'content with a salt in upper case',
      arrives: () => disclosedWith({ [ATTR.saltArguments]: 'AB'.repeat(32) }),
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'content with a salt that is no string',
      arrives: () => disclosedWith({ [ATTR.saltArguments]: 7 }),
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'content without its digest',
      arrives: () => disclosedWith({ [ATTR.toolResult]: '{}', [ATTR.saltResult]: 'ab'.repeat(32) }),
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'a second copy with other content',
      arrives: () => [...disclosedWith({}), ...disclosedWith({ [ATTR.toolArguments]: '{}' })],
      finds: ['disclosure_mismatch@2'],
    },
    {
      that: 'a second copy with other content that came first',
      arrives: () => [...disclosedWith({ [ATTR.toolArguments]: '{}' }), ...disclosedWith({})],
      finds: ['disclosure_mismatch@2'],
    },
  ],
  after_end: [
    {
      that: 'every link after the end, and nothing else of them',
      arrives: () => {
        const links = plain();
        const more = rechain([at(links, 5), at(links, 3), at(links, 4)], () => ({})).slice(1);
        return [
          ...links,
          ...rechain([at(links, 5), ...more], (link) =>
            link.kind === 'session.end' ? { [ATTR.prev]: at(links, 4).hash } : { [ATTR.seq]: link.seq + 3, [ATTR.agentId]: 'other' },
          ).slice(1),
        ];
      },
      finds: ['after_end@6', 'after_end@7'],
    },
    {
      that: 'a link after an edited end',
      arrives: () => {
        const links = plain();
        return [
          ...replace(links, edit(at(links, 5), { 'custody.note': 'x' })),
          rehash(at(links, 4), { [ATTR.seq]: 6, [ATTR.prev]: at(links, 5).hash }),
        ];
      },
      finds: ['content_mismatch@5', 'after_end@6'],
    },
  ],
  count_mismatch: [
    {
      that: 'a wrong number of links',
      arrives: () => rechain(plain(), (link) => (link.seq === 5 ? { [ATTR.sessionLinks]: 4 } : {})),
      finds: ['count_mismatch@5'],
    },
    {
      that: 'more actions than there were',
      arrives: () => rechain(acting().end().links, (link) => (link.seq === 4 ? { [ATTR.sessionActions]: 2 } : {})),
      finds: ['count_mismatch@4'],
    },
    {
      that: 'fewer actions than there were',
      arrives: () => rechain(acting().end().links, (link) => (link.seq === 4 ? { [ATTR.sessionActions]: 0 } : {})),
      finds: ['count_mismatch@4'],
    },
    {
      that: 'more actions than the numbers missing can hold',
      arrives: () =>
        without(
          rechain(plain(), (link) => (link.seq === 5 ? { [ATTR.sessionActions]: 2 } : {})),
          3,
        ),
      finds: ['gap@3', 'count_mismatch@5'],
    },
    {
      that: 'fewer actions than the outcomes that are excused',
      arrives: () =>
        without(
          rechain(acting().end().links, (link) => (link.seq === 4 ? { [ATTR.sessionActions]: 0 } : {})),
          2,
        ),
      finds: ['gap@2', 'count_mismatch@4'],
    },
  ],
  outcome_without_intent: [
    {
      that: 'an outcome that nothing announced',
      arrives: () => new Script().start().outcome('a').end().links,
      finds: ['outcome_without_intent@2'],
    },
    {
      that: 'a second one, where the one number missing excuses the first',
      arrives: () => without(new Script().start().heartbeat().outcome('a').outcome('b').end().links, 2),
      finds: ['gap@2', 'outcome_without_intent@4', 'count_mismatch@5'],
    },
    {
      that: 'an outcome whose intent comes after it',
      arrives: () => new Script().start().outcome('a').intent('a').end().links,
      finds: ['outcome_without_intent@2'],
    },
    {
      that: 'an outcome whose intent is held at a higher seq, whatever is missing before',
      arrives: () => without(new Script().start().heartbeat().outcome('a').intent('a').end().links, 2),
      finds: ['gap@2', 'outcome_without_intent@3'],
    },
  ],
  parent_mismatch: [
    {
      that: 'a parent link with another hash',
      arrives: () => family((mother) => mother.spawn(CHILD), { hash: digestOf('x') }),
      finds: ['missing_child@2', 'parent_mismatch@1'],
    },
    {
      that: 'a parent link that neither spawned nor acted',
      arrives: () => family((mother) => mother.heartbeat()),
      finds: ['parent_mismatch@1'],
    },
    {
      that: 'a spawn of another child',
      arrives: () => family((mother) => mother.spawn('ef'.repeat(16))),
      finds: ['missing_child@2', 'parent_mismatch@1'],
    },
    {
      that: 'an action that policy denied',
      arrives: () => family((mother) => mother.intent('a', 'deny')),
      finds: ['unfinished_action@2', 'parent_mismatch@1'],
    },
    {
      that: 'an action that a human denied',
      arrives: () =>
        family((mother) => {
          mother.intent('a', 'require_approval');
          const before = mother.links.at(-1) as WrittenLink;
          mother.approval('a', 'denied').outcome('a', 'denied');
          mother.links.push(mother.links.splice(mother.links.indexOf(before), 1)[0] as WrittenLink);
          return mother;
        }),
      finds: ['parent_mismatch@1'],
    },
    {
      that: 'a child that was announced and names no parent',
      arrives: () => family((mother) => mother.spawn(CHILD), null),
      finds: ['missing_child@2', 'parent_mismatch@1'],
    },
    {
      that: 'a child that was announced and names an unknown parent',
      arrives: () => family((mother) => mother.spawn(CHILD), { session: 'ff'.repeat(16) }),
      finds: ['missing_child@2', 'orphan_child@1', 'parent_mismatch@1'],
    },
  ],
};
