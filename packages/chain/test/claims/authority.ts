import { digestOf, Script } from '../script.js';
import { approvalOf, CHILD, type Claims, family, newTools, plain, register, remembering, STATE, without } from './claim.js';

// What counts against authority.

export const authorityClaims: Claims = {
  unapproved_fingerprint: [
    {
      that: 'a start in a state that no entry approves',
      arrives: () => plain(),
      register: register({ ...STATE, tools: newTools }),
      finds: ['unapproved_fingerprint@1'],
    },
    {
      that: 'a start before the approval began',
      arrives: () => plain(),
      register: { version: 1, entries: [{ ...approvalOf(STATE), from: '2030-01-01T00:00:00Z' }] },
      finds: ['unapproved_fingerprint@1'],
    },
    {
      that: 'a component that an entry names and the session does not have',
      arrives: () => plain(),
      register: register({ ...STATE, code: digestOf('x') }),
      finds: ['unapproved_fingerprint@1'],
    },
  ],
  fingerprint_drift: [
    {
      that: 'a change to a state that no entry approves, once per state',
      arrives: () =>
        new Script()
          .start()
          .change({ tools: newTools })
          .change({ tools: STATE.tools })
          .change({ tools: newTools })
          .intent('a')
          .outcome('a')
          .end().links,
      register: register(STATE),
      finds: ['fingerprint_drift@2'],
    },
    {
      that: 'an intent after a hole whose own components no entry approves',
      arrives: () =>
        without(
          new Script()
            .start()
            .change({ tools: newTools })
            .intent('a', 'allow', { components: { tools: newTools } })
            .outcome('a')
            .end().links,
          2,
        ),
      register: register(STATE),
      finds: ['gap@2', 'fingerprint_drift@3'],
    },
  ],
  memory_drift: [
    {
      that: 'memory that changed while nobody was recorded',
      arrives: () => [...remembering('one', 'm1', 'm1'), ...remembering('two', 'm2', 'm2', 10)],
      finds: ['memory_drift@1'],
    },
  ],
  executed_after_deny: [
    {
      that: 'an action that policy denied',
      arrives: () => new Script().start().intent('a', 'deny').outcome('a', 'error').end().links,
      finds: ['executed_after_deny@3'],
    },
    {
      that: 'an action that a human denied',
      arrives: () => new Script().start().intent('a', 'require_approval').approval('a', 'denied').outcome('a').end().links,
      finds: ['executed_after_deny@4'],
    },
    {
      that: 'an action that a human denied and another approved',
      arrives: () => new Script().start().intent('a', 'require_approval').approval('a', 'denied').approval('a').outcome('a').end().links,
      finds: ['executed_after_deny@5'],
    },
    {
      that: 'an action that was allowed and then denied by a human',
      arrives: () => new Script().start().intent('a').approval('a', 'denied').outcome('a').end().links,
      finds: ['executed_after_deny@4'],
    },
    {
      that: 'a second outcome of a denied action',
      arrives: () => new Script().start().intent('a', 'deny').outcome('a', 'denied').outcome('a').end().links,
      finds: ['executed_after_deny@4', 'inconsistent@4'],
    },
    {
      that: 'an action begun inside a denied one',
      arrives: () =>
        new Script().start().intent('a', 'deny').outcome('a', 'denied').intent('b', 'allow', { parent: 'a' }).outcome('b').end().links,
      finds: ['executed_after_deny@4'],
    },
    {
      that: 'an agent started inside a denied action',
      arrives: () => family((mother) => mother.intent('a', 'deny').outcome('a', 'denied').spawn(CHILD, 'a')),
      finds: ['executed_after_deny@4'],
    },
    {
      that: 'an action begun inside one that a human denied',
      arrives: () =>
        new Script()
          .start()
          .intent('a', 'require_approval')
          .approval('a', 'denied')
          .intent('b', 'allow', { parent: 'a' })
          .outcome('b')
          .outcome('a', 'denied')
          .end().links,
      finds: ['executed_after_deny@4'],
    },
  ],
  approval_missing: [
    {
      that: 'an action that ran without the approval it required',
      arrives: () => new Script().start().intent('a', 'require_approval').outcome('a').end().links,
      finds: ['approval_missing@3'],
    },
    {
      that: 'an approval that expired',
      arrives: () => new Script().start().intent('a', 'require_approval').approval('a', 'expired').outcome('a').end().links,
      finds: ['approval_missing@4'],
    },
    {
      that: 'an approval after the fact',
      arrives: () => new Script().start().intent('a', 'require_approval').outcome('a').approval('a').end().links,
      finds: ['approval_missing@3', 'inconsistent@4'],
    },
    {
      that: 'an approval of another action',
      arrives: () => new Script().start().intent('a', 'require_approval').intent('b').approval('b').outcome('a').outcome('b').end().links,
      finds: ['approval_missing@5'],
    },
    {
      that: 'a hole before the intent, which excuses nothing',
      arrives: () => without(new Script().start().heartbeat().intent('a', 'require_approval').outcome('a').end().links, 2),
      finds: ['gap@2', 'approval_missing@4'],
    },
  ],
  approval_mismatch: [
    {
      that: 'an approval of other arguments, alone',
      arrives: () =>
        new Script().start().intent('a', 'require_approval').approval('a', 'approved', { args: 'other' }).outcome('a').end().links,
      finds: ['approval_mismatch@3'],
    },
    {
      that: 'an approval of other arguments beside the right one',
      arrives: () =>
        new Script().start().intent('a', 'require_approval').approval('a', 'approved', { args: 'other' }).approval('a').outcome('a').end()
          .links,
      finds: ['approval_mismatch@3'],
    },
  ],
};
