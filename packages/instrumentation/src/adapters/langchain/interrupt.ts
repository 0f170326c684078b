import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { currentSession } from '../../session.js';
import type { ActionCall, ActiveSession } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { recordDenied } from '../denied.js';
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
    const question = patchesEnabled() ? guarded('looking at a question', questionHere) : undefined;
    const answer: unknown = Reflect.apply(original, this, args as never[]);
    if (question) guarded('recording an approval', () => decide(args[0], answer, question));
    return answer;
  };
}

function decide(asked: unknown, answer: unknown, question: Question): void {
  const session = currentSession();
  if (session === undefined || state().frames.getStore()?.action) return;
  const { messages } = question;
  const decided = decisionsIn(asked, answer, messages);
  const isNew = decided.length > 0 && isFirst(question);
  for (const { call, runs } of decided) {
    if (runs) approve(session, call.id, runs.name, runs.args);
    else if (isNew) recordDenied(() => described(session, call, messages));
  }
}

/** A question that is about to be asked, or answered. */
interface Question {
  /** Thread, task and number. */
  readonly place: readonly unknown[];
  /** Of the state. */
  readonly messages: readonly Message[];
  /** Whether the answer is one that the run was given now, and not one that its thread holds; undefined where that does not show. */
  readonly isNew: boolean | undefined;
}

function questionHere(): Question {
  const { configurable = {} } = configHere();
  const { [SCRATCHPAD]: scratchpad } = configurable;
  const { currentTaskInput, interruptCounter, nullResume, resume } = isRecord(scratchpad) ? scratchpad : {};
  const answers = Array.isArray(resume) ? resume.length : 0;
  const at = Number(interruptCounter) + 1;
  // An answer without an id comes after those that the thread holds; one with an id is the last of them.
  const isNew = nullResume !== undefined ? at >= answers : at < answers - 1 ? false : undefined;
  return { place: [configurable['thread_id'], configurable['checkpoint_ns'], at], messages: messagesIn(currentTaskInput), isNew };
}

const SCRATCHPAD = '__pregel_scratchpad';

function configHere(): Config {
  const { [STORAGE]: storage } = globalThis as { [STORAGE]?: { getStore?(): unknown } };
  const store = storage?.getStore?.();
  const extra = isRecord(store) ? (store['extra'] as { [CHILD_CONFIG]?: Config } | undefined) : undefined;
  return extra?.[CHILD_CONFIG] ?? {};
}

function described(session: ActiveSession, { id: callId, name, args }: Decided['call'], messages: readonly Message[]): ActionCall<unknown> {
  const reason = wasAsked(session, callId) ? undefined : reasonIn(messages, callId);
  return { tool: { name, type: 'function', callId }, arguments: args, reason };
}

const LIMIT = 10_000;
const KEY = Symbol.for('agent-custody.instrumentation.v1.langchain-answered');

/** A node that asks several times runs again from its start at each answer, and hears the earlier ones again. */
function isFirst({ place, isNew }: Question): boolean {
  const holder = globalThis as { [KEY]?: Set<string> };
  holder[KEY] ??= new Set();
  const answered = holder[KEY];
  const key = JSON.stringify(place);
  const known = answered.has(key);
  answered.add(key);
  if (answered.size > LIMIT) answered.delete(answered.values().next().value as string);
  return isNew ?? !known;
}
