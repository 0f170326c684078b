import { ATTR } from '../../src/index.js';
import { digestOf, rechain, Script } from '../script.js';
import { acting, at, CHILD, type Claims, family, newTools, plain, without } from './claim.js';

// `inconsistent` and `unsupported`: what the links of a session say of each other.

export const consistencyClaims: Claims = {
  unsupported: [
    {
      that: 'a session of another version, at its first link',
      arrives: () => rechain(plain(), () => ({ [ATTR.version]: 2 })),
      finds: ['unsupported@1'],
    },
    {
      that: 'one link of another version, which is inconsistent too',
      arrives: () => rechain(plain(), (link) => (link.seq === 3 ? { [ATTR.version]: 2 } : {})),
      finds: ['inconsistent@3', 'unsupported@3'],
    },
    {
      that: 'links of a later version: inconsistent once, at the lowest that differs',
      arrives: () => rechain(plain(), (link) => (link.seq >= 3 ? { [ATTR.version]: 2 } : {})),
      finds: ['inconsistent@3', 'unsupported@3'],
    },
  ],
  inconsistent: [
    {
      that: 'a first link that is no start',
      arrives: () =>
        rechain(plain().slice(1), (link) => ({
          [ATTR.seq]: link.seq - 1,
          ...(link.seq === 2 && { [ATTR.prev]: '0'.repeat(64) }),
          ...(link.kind === 'session.end' && { [ATTR.sessionLinks]: 4 }),
        })),
      finds: ['inconsistent@1'],
    },
    {
      that: 'a second start',
      arrives: () =>
        rechain(plain(), (link) =>
          link.seq === 3 ? { ...at(plain(), 1).attributes, [ATTR.seq]: 3, [ATTR.prev]: at(plain(), 2).hash, [ATTR.time]: link.time } : {},
        ),
      finds: ['inconsistent@3'],
    },
    {
      that: 'another agent id',
      arrives: () => rechain(plain(), (link) => (link.seq === 3 ? { [ATTR.agentId]: 'other' } : {})),
      finds: ['inconsistent@3'],
    },
    { that: 'a second intent of one action', arrives: () => acting().intent('a').end().links, finds: ['inconsistent@4'] },
    { that: 'a second outcome', arrives: () => acting().outcome('a').end().links, finds: ['inconsistent@4'] },
    {
      that: 'a second outcome with no intent at all',
      arrives: () => new Script().start().outcome('a').outcome('a').end().links,
      finds: ['outcome_without_intent@2', 'inconsistent@3', 'outcome_without_intent@3'],
    },
    {
      that: 'an approval id used twice',
      arrives: () =>
        new Script()
          .start()
          .intent('a', 'require_approval')
          .approval('a', 'approved', { id: 'x' })
          .approval('a', 'approved', { id: 'x' })
          .outcome('a')
          .end().links,
      finds: ['inconsistent@4'],
    },
    {
      that: 'an approval before its intent, which then has none',
      arrives: () => new Script().start().approval('a').intent('a', 'require_approval').outcome('a').end().links,
      finds: ['inconsistent@2', 'approval_missing@4'],
    },
    { that: 'an approval after its outcome', arrives: () => acting().approval('a').end().links, finds: ['inconsistent@4'] },
    { that: 'an approval of no action at all', arrives: () => new Script().start().approval('a').end().links, finds: ['inconsistent@2'] },
    {
      that: 'an outcome with another tool name',
      arrives: () => new Script().start().intent('a').outcome('a', 'ok', 'delete_file').end().links,
      finds: ['inconsistent@3'],
    },
    ...[ATTR.toolType, ATTR.toolCallId].flatMap((key) => [
      {
        that: `an outcome with another ${key}`,
        arrives: () => rechain(acting().end().links, (link) => (link.seq === 3 ? { [key]: 'x' } : {})),
        finds: ['inconsistent@3'],
      },
      {
        that: `an outcome without its ${key}`,
        arrives: () => rechain(acting().end().links, (link) => (link.seq === 3 ? { [key]: undefined } : {})),
        finds: ['inconsistent@3'],
      },
    ]),
    {
      that: 'a parent action that is not there',
      arrives: () => new Script().start().intent('a', 'allow', { parent: 'b' }).outcome('a').end().links,
      finds: ['inconsistent@2'],
    },
    {
      that: 'an agent started inside an action that is not there',
      arrives: () => family((mother) => mother.spawn(CHILD, 'a')),
      finds: ['inconsistent@2'],
    },
    {
      that: 'a parent action that comes later',
      arrives: () => new Script().start().intent('a', 'allow', { parent: 'b' }).intent('b').outcome('a').outcome('b').end().links,
      finds: ['inconsistent@2'],
    },
    {
      that: 'a parent action held at a higher seq, whatever is missing before',
      arrives: () =>
        without(
          new Script().start().heartbeat().intent('a', 'allow', { parent: 'b' }).intent('b').outcome('a').outcome('b').end().links,
          2,
        ),
      finds: ['gap@2', 'inconsistent@3'],
    },
    {
      that: 'a composite that is not that of the components, at the start',
      arrives: () => rechain(plain(), () => ({ [ATTR.fingerprint]: digestOf('x') })),
      finds: ['inconsistent@1', 'inconsistent@2', 'inconsistent@3', 'inconsistent@4', 'inconsistent@5'],
    },
    {
      that: 'a component of an intent that nothing announced',
      arrives: () =>
        new Script()
          .start()
          .intent('a', 'allow', { components: { tools: newTools } })
          .outcome('a')
          .end().links,
      finds: ['inconsistent@2'],
    },
    {
      that: 'a change that names other components than it brings',
      arrives: () =>
        rechain(new Script().start().change({ tools: newTools }).end().links, (link) =>
          link.seq === 2 ? { [ATTR.fingerprintChanged]: ['memory'] } : {},
        ),
      finds: ['inconsistent@2'],
    },
    {
      that: 'a change whose previous is not the latest',
      arrives: () =>
        rechain(new Script().start().change({ tools: newTools }).end().links, (link) =>
          link.seq === 2 ? { [ATTR.fingerprintPrevious]: digestOf('x') } : {},
        ),
      finds: ['inconsistent@2'],
    },
    {
      that: 'changed names that are not sorted',
      arrives: () =>
        rechain(
          new Script()
            .start()
            .change({ tools: newTools, memory: digestOf('m') })
            .end().links,
          (link) => (link.seq === 2 ? { [ATTR.fingerprintChanged]: ['tools', 'memory'] } : {}),
        ),
      finds: ['inconsistent@2'],
    },
  ],
};
