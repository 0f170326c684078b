import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { currentSession } from '../../session.js';
import type { ActiveSession } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { approve } from './approved.js';
import { wasAsked } from './asked.js';
import { type Decided, decisionsIn } from './review.js';
import { type Config, isRecord, type Message, messagesIn } from './types.js';
import { reasonIn } from './words.js';

type Export = (...args: never[]) => unknown;
type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Where LangChain keeps the configuration of what is running: one place for all its copies. */
const STORAGE = Symbol.for('ls:tracing_async_local_storage');
const CHILD_CONFIG = Symbol.for('lc:child_config');

/**
 * Wraps `interrupt` of LangGraph, which throws until somebody has answered: also in another process, which went on from what a
 * checkpointer kept. An answer in the form of `humanInTheLoopMiddleware` is a human's decision about tool calls that are still to
 * run; a tool that asks by itself has begun already.
 */
export function observedInterrupt(original: Export): Method {
  return function (this: unknown, ...args) {
    const answer: unknown = Reflect.apply(original, this, args as never[]);
    if (patchesEnabled()) guarded('recording an approval', () => decide(args[0], answer));
    return answer;
  };
}

function decide(asked: unknown, answer: unknown): void {
  const session = currentSession();
  if (session === undefined || state().frames.getStore()?.action) return;
  const { configurable = {} } = configHere();
  const { [SCRATCHPAD]: scratchpad } = configurable;
  const { currentTaskInput, interruptCounter } = isRecord(scratchpad) ? scratchpad : {};
  const messages = messagesIn(currentTaskInput);
  const decided = decisionsIn(asked, answer, messages);
  const isNew = decided.length > 0 && isFirst(['thread_id', 'checkpoint_ns'].map((key) => configurable[key]).concat(interruptCounter));
  for (const { call, runs } of decided) {
    if (runs) approve(session, call.id, runs.name, runs.args);
    else if (isNew) guarded('recording an approval', () => denied(session, call, messages));
  }
}

const SCRATCHPAD = '__pregel_scratchpad';

function configHere(): Config {
  const { [STORAGE]: storage } = globalThis as { [STORAGE]?: { getStore?(): unknown } };
  const store = storage?.getStore?.();
  const extra = isRecord(store) ? (store['extra'] as { [CHILD_CONFIG]?: Config } | undefined) : undefined;
  return extra?.[CHILD_CONFIG] ?? {};
}

function denied(session: ActiveSession, { id: callId, name, args }: Decided['call'], messages: readonly Message[]): void {
  const call = {
    tool: { name, type: 'function', callId },
    arguments: args,
    reason: wasAsked(session, callId) ? undefined : reasonIn(messages, callId),
    approvals: [{ decision: 'denied' as const }],
    refused: () => undefined,
  };
  runAction<unknown>(call, () => undefined);
}

const LIMIT = 10_000;
const KEY = Symbol.for('agent-custody.instrumentation.v1.langchain-answered');

/** A node that asks several times runs again from its start at each answer, and hears the earlier ones again. */
function isFirst(question: readonly unknown[]): boolean {
  const holder = globalThis as { [KEY]?: Set<string> };
  holder[KEY] ??= new Set();
  const answered = holder[KEY];
  const key = JSON.stringify(question);
  if (answered.has(key)) return false;
  answered.add(key);
  if (answered.size > LIMIT) answered.delete(answered.values().next().value as string);
  return true;
}
