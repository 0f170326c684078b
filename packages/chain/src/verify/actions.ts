import { ATTR } from '../attributes.js';
import { absentBelow, type FoldContext } from './meaning.js';
import { find, overflow, type SessionState } from './session-state.js';
import { isSound } from './slot.js';
import type { LinkCopy } from './types.js';

/** Ids of closed actions that are remembered without asking the records. */
const REMEMBERED = 10_000;

/** One action in flight, or one rebuilt from the records. */
export interface Action {
  readonly intent: LinkCopy;
  /** Numbers missing or unsound below the intent: what changes until the outcome lies between them. */
  readonly absentAtIntent: number;
  readonly approvals: LinkCopy[];
  readonly outcomes: LinkCopy[];
  /** Intents and spawns inside it. */
  readonly nested: number[];
}

export interface Actions {
  /** Sound intents received. */
  intents: number;
  readonly open: Map<string, Action>;
  /** Stated by an unsound outcome: not unfinished, and yet in flight for what follows. */
  readonly spared: Set<string>;
  /** Closed ones; all of them while `closedIsWhole`. */
  readonly closed: Set<string>;
  closedIsWhole: boolean;
  /** Outcomes that no intent announced, in order. */
  readonly unannounced: { readonly link: LinkCopy; readonly action: string; readonly absent: number; announcedLater: boolean }[];
  /** Approvals and parent ids whose intent is not there but may be missing: judged if it shows at a higher seq. */
  readonly early: Map<string, { readonly approvals: LinkCopy[]; readonly parents: number[] }>;
  readonly approvalIds: Set<string>;
  overflowed: boolean;
}

export function newActions(): Actions {
  return {
    intents: 0,
    open: new Map(),
    spared: new Set(),
    closed: new Set(),
    closedIsWhole: true,
    unannounced: [],
    early: new Map(),
    approvalIds: new Set(),
    overflowed: false,
  };
}

const idOf = (link: LinkCopy): string => link.attributes[ATTR.actionId] as string;

/** The action of this id as known below `before`: in flight, or closed and on record. */
function lookUp(session: SessionState, id: string, before: number, context: FoldContext): Action | undefined {
  const { actions } = session.meaning;
  const open = actions.open.get(id);
  if (open) return open;
  if (!actions.closed.has(id) && actions.closedIsWhole && !actions.overflowed) return undefined;
  const sound = context.records
    .action(session.id, id)
    .filter((link) => link.seq < before && isSound(context.records, link))
    .sort((a, b) => a.seq - b.seq);
  const intent = sound.find((link) => link.kind === 'action.intent');
  if (!intent) return undefined;
  return {
    intent,
    absentAtIntent: 0,
    approvals: sound.filter((link) => link.kind === 'approval'),
    outcomes: sound.filter((link) => link.kind === 'action.outcome'),
    nested: [],
  };
}

function isDenied(action: Action): boolean {
  return (
    action.intent.attributes[ATTR.policyDecision] === 'deny' ||
    action.approvals.some((approval) => approval.attributes[ATTR.approvalDecision] === 'denied')
  );
}

export function onIntent(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { actions } = session.meaning;
  const id = idOf(link);
  actions.intents++;
  checkParent(session, link, context);
  if (lookUp(session, id, link.seq, context)) {
    find(session, 'inconsistent', link.seq, 'a second intent of one action');
    return;
  }
  const action: Action = { intent: link, absentAtIntent: absentBelow(session, link.seq), approvals: [], outcomes: [], nested: [] };
  if (actions.open.size >= context.limits.openActions) {
    overflow(session, 'actions', link.seq, `more than ${context.limits.openActions} actions in flight`);
    actions.overflowed = true;
    return;
  }
  actions.open.set(id, action);
  const early = actions.early.get(id);
  if (early) {
    actions.early.delete(id);
    for (const approval of early.approvals) {
      find(session, 'inconsistent', approval.seq, 'an approval that precedes its intent');
      checkDigest(session, approval, link);
      action.approvals.push(approval);
    }
    for (const seq of early.parents) find(session, 'inconsistent', seq, 'custody.action.parent.id names no earlier action');
  }
  for (const outcome of actions.unannounced) {
    if (outcome.action !== id) continue;
    outcome.announcedLater = true;
    settle(session, action, outcome.link);
  }
}

/** An action or a child begun inside an action: that one must be known, and must not have been denied. */
export function checkParent(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const parentId = link.attributes[ATTR.actionParentId];
  if (typeof parentId !== 'string') return;
  const parent = lookUp(session, parentId, link.seq, context);
  if (!parent) {
    if (absentBelow(session, link.seq) === 0) find(session, 'inconsistent', link.seq, 'custody.action.parent.id names no earlier action');
    else earlyOf(session, parentId, context)?.parents.push(link.seq);
    return;
  }
  if (isDenied(parent))
    find(session, 'executed_after_deny', link.seq, `begun inside the action of link ${parent.intent.seq}, which was denied`);
  else if (parent.nested.length < context.limits.openActions) parent.nested.push(link.seq);
}

function earlyOf(session: SessionState, id: string, context: FoldContext): { approvals: LinkCopy[]; parents: number[] } | undefined {
  const { early } = session.meaning.actions;
  let entry = early.get(id);
  if (!entry && early.size < context.limits.openActions) early.set(id, (entry = { approvals: [], parents: [] }));
  return entry;
}

export function onApproval(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { actions } = session.meaning;
  const approvalId = link.attributes[ATTR.approvalId] as string;
  if (actions.approvalIds.has(approvalId)) find(session, 'inconsistent', link.seq, 'an approval id that was used before');
  else if (actions.approvalIds.size < REMEMBERED) actions.approvalIds.add(approvalId);
  const action = lookUp(session, idOf(link), link.seq, context);
  if (!action) {
    if (absentBelow(session, link.seq) === 0) find(session, 'inconsistent', link.seq, 'an approval that precedes its intent');
    // Kept in both cases: whether its digest is right is known once the intent is there.
    earlyOf(session, idOf(link), context)?.approvals.push(link);
    return;
  }
  checkDigest(session, link, action.intent);
  action.approvals.push(link);
  if (action.outcomes.length > 0) find(session, 'inconsistent', link.seq, 'an approval that follows its outcome');
  if (link.attributes[ATTR.approvalDecision] !== 'denied') return;
  // A denial is final, whatever came before it.
  for (const outcome of action.outcomes) if (ran(outcome)) afterDeny(session, outcome);
  for (const seq of action.nested)
    find(session, 'executed_after_deny', seq, `begun inside the action of link ${action.intent.seq}, which was denied`);
}

function checkDigest(session: SessionState, approval: LinkCopy, intent: LinkCopy): void {
  if (approval.attributes[ATTR.argumentsDigest] !== intent.attributes[ATTR.argumentsDigest]) {
    find(session, 'approval_mismatch', approval.seq, `an approval for other arguments than those of link ${intent.seq}`);
  }
}

const ran = (outcome: LinkCopy): boolean => outcome.attributes[ATTR.actionStatus] !== 'denied';

function afterDeny(session: SessionState, outcome: LinkCopy): void {
  find(session, 'executed_after_deny', outcome.seq, `the action was denied, and its status is '${outcome.attributes[ATTR.actionStatus]}'`);
}

export function onOutcome(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const action = lookUp(session, idOf(link), link.seq, context);
  if (action) settle(session, action, link);
  else onUnannounced(session, link, context);
}

function settle(session: SessionState, action: Action, link: LinkCopy): void {
  const { actions } = session.meaning;
  if (action.outcomes.length > 0) find(session, 'inconsistent', link.seq, 'a second outcome of one action');
  for (const key of [ATTR.toolName, ATTR.toolType, ATTR.toolCallId]) {
    if (link.attributes[key] !== action.intent.attributes[key])
      find(session, 'inconsistent', link.seq, `${key} is not that of its intent at link ${action.intent.seq}`);
  }
  if (ran(link)) {
    if (isDenied(action)) afterDeny(session, link);
    else if (action.outcomes.length === 0) checkApproved(session, action, link);
  }
  action.outcomes.push(link);
  actions.open.delete(idOf(link));
  actions.spared.delete(idOf(link));
  if (actions.closed.size < REMEMBERED) actions.closed.add(idOf(link));
  else actions.closedIsWhole = false;
}

function checkApproved(session: SessionState, action: Action, outcome: LinkCopy): void {
  const { intent } = action;
  if (intent.attributes[ATTR.policyDecision] !== 'require_approval') return;
  const digest = intent.attributes[ATTR.argumentsDigest];
  const approved = action.approvals.some(
    (approval) =>
      approval.seq > intent.seq &&
      approval.attributes[ATTR.approvalDecision] === 'approved' &&
      approval.attributes[ATTR.argumentsDigest] === digest,
  );
  const mismatched = action.approvals.some((approval) => approval.attributes[ATTR.argumentsDigest] !== digest);
  const mayBeMissing = absentBelow(session, outcome.seq) > action.absentAtIntent;
  if (!approved && !mismatched && !mayBeMissing)
    find(session, 'approval_missing', outcome.seq, `link ${intent.seq} required an approval that is not there`);
}

function onUnannounced(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { actions } = session.meaning;
  const id = idOf(link);
  // Past the bound of actions in flight their intents are not remembered: no accusation can rest on that.
  if (actions.overflowed) return;
  if (actions.unannounced.some((outcome) => outcome.action === id))
    find(session, 'inconsistent', link.seq, 'a second outcome of one action');
  if (actions.unannounced.length >= context.limits.openActions) {
    overflow(session, 'outcomes', link.seq, `more than ${context.limits.openActions} outcomes without an intent`);
    return;
  }
  actions.unannounced.push({ link, action: id, absent: absentBelow(session, link.seq), announcedLater: false });
}
