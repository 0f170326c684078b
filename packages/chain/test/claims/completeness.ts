import { ATTR } from '../../src/index.js';
import { digestOf, edit, rechain, Script } from '../script.js';
import { acting, at, CHILD, type Claims, family, plain, replace, spanWithout, without } from './claim.js';

// What counts against completeness, and what counts against nothing.

export const completenessClaims: Claims = {
  gap: [
    { that: 'each run of missing numbers, at its first', arrives: () => without(plain(9), 3, 4, 7), finds: ['gap@3', 'gap@7'] },
    {
      that: 'what a loss leaves undeclared',
      arrives: () => without(new Script().start().heartbeat(6).loss(3, 5).end().links, 3, 4, 5, 6),
      finds: ['gap@6', 'declared_loss@8'],
    },
    {
      that: 'both sides of what a loss declares',
      arrives: () => without(new Script().start().heartbeat(6).loss(4, 4).end().links, 3, 4, 5),
      finds: ['gap@3', 'gap@5', 'declared_loss@8'],
    },
    {
      that: 'what an edited loss declares',
      arrives: () => {
        const { links } = new Script().start().heartbeat(4).loss(3, 4).end();
        return without(replace(links, edit(at(links, 6), { [ATTR.lossReason]: 'x' })), 3, 4);
      },
      finds: ['gap@3', 'content_mismatch@6'],
    },
    {
      that: 'the place of a malformed link',
      arrives: () => [...without(plain(), 3), spanWithout(at(plain(), 3), ATTR.time)],
      finds: ['gap@3', 'malformed@3'],
    },
  ],
  missing_start: [
    { that: 'the first numbers, once', arrives: () => without(plain(), 1, 2), finds: ['missing_start@1'] },
    {
      that: 'the first numbers, even if declared',
      arrives: () => without(new Script().start().heartbeat(2).loss(1, 2).end().links, 1, 2),
      finds: ['missing_start@1', 'declared_loss@4'],
    },
    { that: 'the first numbers, and another run apart', arrives: () => without(plain(), 1, 4), finds: ['missing_start@1', 'gap@4'] },
  ],
  declared_loss: [
    {
      that: 'numbers that are missing',
      arrives: () => without(new Script().start().heartbeat(3).loss(3, 4).end().links, 3, 4),
      finds: ['declared_loss@5'],
    },
    { that: 'numbers that are there', arrives: () => new Script().start().heartbeat(3).loss(3, 4).end().links, finds: ['declared_loss@5'] },
  ],
  unclosed: [{ that: 'no end, at the highest seq held', arrives: () => plain().slice(0, 3), finds: ['unclosed@3'] }],
  unfinished_action: [
    {
      that: 'an action open at the end',
      arrives: () => new Script().start().intent('a').intent('b').outcome('b').end().links,
      finds: ['unfinished_action@2'],
    },
    {
      that: 'an action open when the session falls silent',
      arrives: () => new Script().start().intent('a').links,
      finds: ['unclosed@2', 'unfinished_action@2'],
    },
    {
      that: 'an action whose outcome may be in a gap beside',
      arrives: () => without(acting().heartbeat().end().links, 3),
      finds: ['unfinished_action@2', 'gap@3'],
    },
  ],
  orphan_child: [
    {
      that: 'a parent that is unknown',
      arrives: () => new Script().start({ parent: { session: 'ff'.repeat(16), seq: 2, hash: digestOf('x') } }).end().links,
      finds: ['orphan_child@1'],
    },
    {
      that: 'a parent whose link is missing',
      arrives: () => family((mother) => mother.spawn(CHILD)).filter((link) => link.kind !== 'child.spawn'),
      finds: ['gap@2', 'orphan_child@1'],
    },
  ],
  missing_child: [
    { that: 'a spawn whose child never showed', arrives: () => new Script().start().spawn(CHILD).end().links, finds: ['missing_child@2'] },
    {
      that: 'a second spawn of one child',
      arrives: () => family((mother) => mother.spawn(CHILD).spawn(CHILD)),
      finds: ['missing_child@2'],
    },
  ],
  overflow: [
    {
      that: 'more links held behind a hole than the bound',
      limits: { heldLinks: 2 },
      arrives: () => {
        const links = plain(6);
        return [at(links, 1), ...[3, 4, 5, 6].map((seq) => at(links, seq))];
      },
      finds: ['gap@2', 'unclosed@4', 'overflow@5'],
    },
    {
      that: 'more actions in flight than the bound',
      limits: { openActions: 1 },
      arrives: () => new Script().start().intent('a').intent('b').intent('c').outcome('c').outcome('b').outcome('a').end().links,
      finds: ['overflow@3'],
    },
    {
      that: 'more different copies of one link than the bound',
      limits: { copiesPerSeq: 2 },
      arrives: () => [...plain(), ...['x', 'y', 'z'].map((note) => edit(at(plain(), 3), { 'custody.note': note }))],
      finds: ['content_mismatch@3', 'overflow@3'],
    },
  ],
  unattested_call: [
    {
      that: 'calls that were asked for and not seen executed',
      arrives: () => acting().attestation(['call 7']).end().links,
      finds: ['unattested_call@4'],
    },
    {
      that: 'calls that were executed and nobody asked for',
      arrives: () => acting().attestation([], ['call 8', 'call 9']).end().links,
      finds: ['unattested_call@4'],
    },
  ],
  tempo_divergence: [
    {
      that: 'a link that a store read back does not hold as it is on record',
      arrives: () => [...plain(), { diverges: at(plain(), 3), healed: false }],
      finds: ['tempo_divergence@3'],
    },
    {
      that: 'each such link, once, until the store holds it again',
      arrives: () => [
        ...plain(),
        { diverges: at(plain(), 2), healed: false },
        { diverges: at(plain(), 3), healed: false },
        { diverges: at(plain(), 3), healed: false },
        { diverges: at(plain(), 2), healed: true },
      ],
      finds: ['tempo_divergence@3'],
    },
  ],
  clock_regression: [
    {
      that: 'a time before that of the link before',
      arrives: () => rechain(plain(), (link) => (link.seq === 3 ? { [ATTR.time]: '1' } : {})),
      finds: ['clock_regression@3'],
    },
    {
      that: 'a time before that of the nearest earlier link that is held',
      arrives: () =>
        without(
          rechain(plain(), (link) => (link.seq === 4 ? { [ATTR.time]: '1' } : {})),
          3,
        ),
      finds: ['gap@3', 'clock_regression@4'],
    },
  ],
  late: [
    { that: 'a link that came after its gap was found', arrives: () => [...without(plain(), 3), 40_000, at(plain(), 3)], finds: [] },
    { that: 'a start that came after it was missed', arrives: () => [...without(plain(), 1), 40_000, at(plain(), 1)], finds: [] },
    { that: 'an end that came after the idle limit', arrives: () => [...plain().slice(0, 4), 1_000_000, at(plain(), 5)], finds: [] },
    {
      that: 'an outcome that came after the idle limit',
      arrives: () => {
        const { links } = acting().end();
        return [...links.slice(0, 2), 1_000_000, ...links.slice(2)];
      },
      finds: [],
    },
    {
      that: 'a parent that came after its child was found an orphan',
      arrives: () => {
        const links = family((mother) => mother.spawn(CHILD));
        return [...links.slice(-2), 40_000, ...links.slice(0, -2)];
      },
      finds: [],
    },
    {
      that: 'a child that came after the idle limit',
      arrives: () => {
        const links = family((mother) => mother.spawn(CHILD));
        return [...links.slice(0, -2), 1_000_000, ...links.slice(-2)];
      },
      finds: [],
    },
  ],
};
