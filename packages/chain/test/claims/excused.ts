import { ATTR, type WrittenLink } from '../../src/index.js';
import { edit, Script } from '../script.js';
import { acting, at, CHILD, family, newTools, replace, STATE, without } from './claim.js';

// What a hole or an unsound link excuses.

export const excused: readonly (readonly [that: string, arrives: () => readonly WrittenLink[], finds: readonly string[]])[] = [
  ['an outcome whose intent is missing', () => without(acting().end().links, 2), ['gap@2']],
  [
    'an approval whose intent is missing',
    () => without(new Script().start().intent('a', 'require_approval').approval('a').outcome('a').end().links, 2),
    ['gap@2'],
  ],
  [
    'an approval that is missing',
    () => without(new Script().start().intent('a', 'require_approval').approval('a').outcome('a').end().links, 3),
    ['gap@3'],
  ],
  [
    'an action whose parent action is missing',
    () => without(new Script().start().intent('b').intent('a', 'allow', { parent: 'b' }).outcome('a').outcome('b').end().links, 2),
    ['gap@2'],
  ],
  [
    'an agent whose parent action is missing',
    () => family((mother) => mother.intent('a').outcome('a').spawn(CHILD, 'a')).filter((link) => link.session === CHILD || link.seq !== 2),
    ['gap@2'],
  ],
  [
    'a state whose change is missing',
    () => without(new Script().start().change({ tools: newTools }).intent('a').outcome('a').end().links, 2),
    ['gap@2'],
  ],
  [
    'an outcome whose intent was edited',
    () => {
      const { links } = acting().end();
      return replace(links, edit(at(links, 2), { [ATTR.actionId]: 'x' }));
    },
    ['content_mismatch@2'],
  ],
  [
    'a child whose start was edited',
    () =>
      family((mother) => mother.spawn(CHILD)).map((link) =>
        link.session === CHILD && link.seq === 1 ? edit(link, { [ATTR.principal]: 'x' }) : link,
      ),
    ['content_mismatch@1'],
  ],
  [
    'a child whose announcement was edited',
    () =>
      family((mother) => mother.spawn(CHILD)).map((link) =>
        link.kind === 'child.spawn' ? edit(link, { [ATTR.childSessionId]: 'ef'.repeat(16) }) : link,
      ),
    ['content_mismatch@2'],
  ],
  [
    'an action whose outcome was edited',
    () => {
      const { links } = acting().end();
      return replace(links, edit(at(links, 3), { [ATTR.actionStatus]: 'error' }));
    },
    ['content_mismatch@3'],
  ],
  [
    'a child in another process',
    () => family((mother) => mother.intent('a')).filter((link) => link.session === CHILD || link.kind !== 'session.end'),
    ['unclosed@2', 'unfinished_action@2'],
  ],
  [
    'a stranger that announces a child which had started before',
    () => {
      const child = new Script('d', undefined, 'billing-bot', CHILD).start().end();
      return [...child.links, ...new Script('s', child.world).start().spawn(CHILD).end().links];
    },
    ['missing_child@2'],
  ],
  [
    'an intent in the state of the model call that asked for it',
    () =>
      new Script()
        .start()
        .change({ tools: newTools })
        .intent('a', 'allow', { components: { tools: STATE.tools } })
        .outcome('a')
        .end().links,
    [],
  ],
];
