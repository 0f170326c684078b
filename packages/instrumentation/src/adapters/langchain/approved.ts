import { toCanonical } from '@agent-custody/chain';
import type { Answer } from '../../guard.js';
import type { ActiveSession } from '../../types.js';
import { isPause } from './errors.js';
import { threadOf } from './thread.js';

/** What a human said yes to. */
interface Approved {
  readonly name: string;
  /** Canonical JSON. */
  readonly arguments: string;
}

/** Calls remembered, of a session and of the process: those that are approved and never run must not fill the memory. */
const LIMIT = 10_000;

interface Known {
  readonly sessions: WeakMap<ActiveSession, Map<string, Approved>>;
  /** Of calls that began and paused their graph, by thread and call id: they run again, in another session, when it goes on. */
  readonly paused: Map<string, Approved>;
}

const KEY = Symbol.for('agent-custody.instrumentation.v1.langchain-approved');

/** Global, so that two copies of this package see one run. */
function known(): Known {
  const holder = globalThis as { [KEY]?: Known };
  holder[KEY] ??= { sessions: new WeakMap(), paused: new Map() };
  return holder[KEY];
}

function pausedKey(session: ActiveSession, callId: string): string {
  return JSON.stringify([threadOf(session), callId]);
}

function put(calls: Map<string, Approved>, key: string, approved: Approved): void {
  calls.delete(key);
  calls.set(key, approved);
  if (calls.size > LIMIT) calls.delete(calls.keys().next().value as string);
}

/** A human approved a call, or one with other arguments, or of another tool, in its place. */
export function approve(session: ActiveSession, callId: string, name: string, args: unknown): void {
  const { sessions } = known();
  const calls = sessions.get(session) ?? new Map<string, Approved>();
  sessions.set(session, calls);
  put(calls, callId, { name, arguments: toCanonical(args).text });
}

/** A model asks anew: some providers number the calls of each response from one, and an approval is of one call. */
export function forgetApproval(session: ActiveSession, callId: string): void {
  const { sessions, paused } = known();
  sessions.get(session)?.delete(callId);
  if (paused.size > 0) paused.delete(pausedKey(session, callId));
}

/** What there is on record of a call that is about to run. */
interface CallApproval {
  readonly links: Answer['approvals'];
  /** The call threw this: when it paused its graph, the approval is of its next run too. */
  threw(error: unknown): void;
}

/**
 * The approval of exactly this tool and these arguments, since a middleware may change both after the human has seen them. Who gave
 * it the framework does not say.
 *
 * @param args as they are handed to the tool, before its schema parses them
 */
export function approvalOf(session: ActiveSession | undefined, callId: string | undefined, name: string, args: unknown): CallApproval {
  const found = session === undefined || callId === undefined ? undefined : find(session, callId);
  if (found === undefined || found.name !== name || found.arguments !== toCanonical(args).text) return NONE;
  return {
    links: [{ decision: 'approved' }],
    threw: (error) => {
      const again = session && callId !== undefined && threadOf(session) !== undefined && isPause(error);
      if (again) put(known().paused, pausedKey(session, callId), found);
    },
  };
}

const NONE: CallApproval = { links: [], threw: () => undefined };

function find(session: ActiveSession, callId: string): Approved | undefined {
  const { sessions, paused } = known();
  const found = sessions.get(session)?.get(callId);
  if (found !== undefined || paused.size === 0) return found;
  const key = pausedKey(session, callId);
  const again = paused.get(key);
  paused.delete(key);
  return again;
}
