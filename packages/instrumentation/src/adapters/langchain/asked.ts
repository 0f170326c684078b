import type { ActiveSession, ModelCall } from '../../types.js';
import { forgetApproval } from './approved.js';
import type { Asked } from './words.js';

/** A tool call that a model call of this process asked for. */
interface KnownCall {
  readonly call: ModelCall;
  readonly asked: Asked;
}

/** Calls remembered for each session: those of a model whose calls nobody runs must not fill the memory. */
const LIMIT = 10_000;

const KEY = Symbol.for('agent-custody.instrumentation.v1.langchain-calls');

/** Global, so that two copies of this package see one run. */
function known(session: ActiveSession): Map<string, KnownCall> {
  const holder = globalThis as { [KEY]?: WeakMap<ActiveSession, Map<string, KnownCall>> };
  holder[KEY] ??= new WeakMap();
  const calls = holder[KEY].get(session) ?? new Map<string, KnownCall>();
  holder[KEY].set(session, calls);
  return calls;
}

/** Tells the session what a model asked for. Whether anybody runs it is not known yet: a model may be called by hand. */
export function remember(session: ActiveSession, call: ModelCall, calls: readonly Asked[]): void {
  const entries = known(session);
  for (const asked of calls) {
    const { callId, toolName, reason } = asked;
    call.asked([{ callId, toolName }], reason);
    entries.delete(callId);
    forgetApproval(session, callId);
    entries.set(callId, { call, asked });
    if (entries.size > LIMIT) entries.delete(entries.keys().next().value as string);
  }
}

export function wasAsked(session: ActiveSession | undefined, callId: string): boolean {
  return session !== undefined && known(session).has(callId);
}

/**
 * A ToolNode is about to run a call: from now on one that nobody sees executed is missing. What is answered is told whether there
 * was an honest reason for that, such as arguments that do not fit the schema, or a middleware that answered in the tool's place;
 * one that has begun stays on record as begun.
 */
export function expectExecution(session: ActiveSession | undefined, callId: string | undefined): (excused: boolean) => void {
  const entry = session && callId !== undefined ? known(session).get(callId) : undefined;
  if (session === undefined || entry === undefined) return () => undefined;
  const { callId: id, toolName, reason } = entry.asked;
  entry.call.asked([{ callId: id, toolName, runs: true }], reason);
  return (excused) => {
    if (excused) session.forgo([id]);
  };
}
