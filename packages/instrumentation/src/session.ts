import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { callerOf } from './baggage.js';
import { CustodyError, guarded } from './errors.js';
import { watchExit } from './exit.js';
import { outcomeOfError } from './failure.js';
import { type Frame, lookOnce, state } from './global.js';
import { ActionDenied } from './guard.js';
import { Session } from './lifecycle.js';
import type { Announcement, Lineage } from './lineage.js';
import { type Observer, observe } from './observe.js';
import type { ActiveSession, Agent, SessionOptions, SessionOutcome } from './types.js';

/**
 * Runs `fn` as one session of an agent: every model call and action in it, parallel ones too, is one chain. A session inside
 * another one is its child. Answers what `fn` answers; when `memory` is an asynchronous function, a promise of it.
 *
 * @throws CustodyError `invalid_argument` for an agent without an id, or a mask that is no regular expression; ActionDenied inside of
 * an action, when the policy lets it start no other agent
 * @example await session({ agent: { id: 'billing-bot' }, principal: 'alice@example.com', memory: ['notes'] }, () => run())
 */
export function session<T>(
  options: SessionOptions & { readonly memory: () => Promise<unknown> },
  fn: (session: ActiveSession) => T,
): Promise<Awaited<T>>;
export function session<T>(options: SessionOptions, fn: (session: ActiveSession) => T): T;
export function session<T>(options: SessionOptions, fn: (session: ActiveSession) => T): T {
  return runInSession(options, fn);
}

/** How a session around an agent's run is opened. */
export interface RunOptions extends SessionOptions {
  /** Opened by an adapter: what is wrong with its options does not break the run. `child`: also inside a run that it might join. */
  readonly automatic?: boolean | 'child' | undefined;
  /** Reads an outcome from what the run threw; undefined: by the general rule. */
  readonly outcomeOf?: ((error: unknown) => SessionOutcome | undefined) | undefined;
}

/**
 * Opens a session around `fn`. An `automatic` one, around an agent's run, joins the session whose function is running, unless the
 * run is inside an action of it: then it is another agent's, and a child.
 */
export function runInSession<T>({ automatic, outcomeOf, ...options }: RunOptions, fn: (session: ActiveSession) => T): T {
  const frame = state().frames.getStore();
  if (automatic === true && frame && !frame.action && frame.session.running) return join(frame.session, fn);
  // One that a caller elsewhere asks for is not this action's, nor anybody's whom a server may happen to run for.
  const outer = callerOf(context.active()) ? undefined : frame;
  const inside = outer?.action;
  const announcement = inside?.starts(String((options.agent ?? state().configuration.settings.agent).id));
  if (announcement && 'message' in announcement) {
    const denied = new ActionDenied(announcement);
    if (Object.prototype.toString.call(fn) !== '[object AsyncFunction]') throw denied;
    return Promise.reject(denied) as T;
  }
  const lineage = lineageOf(frame, announcement);
  const inherited = { onBehalf: outer?.session.principal, automatic: Boolean(automatic) };
  const open = (own: SessionOptions): Session => openSession(own, lineage, inherited);
  const own = automatic ? (guarded('opening a session', () => open(options)) ?? open({})) : open(options);
  const inner: Frame = { session: own, action: undefined, parent: frame?.action ? frame : frame?.parent, context: own.context };
  const run = new Run(own, inner, outcomeOf);
  const memory = own.prepare();
  if (memory === undefined) return run.start(fn);
  // Whoever gives an asynchronous memory gets a promise, as the type of session() says, and it waits for the end's measuring too.
  return memory.then(() => run.start(fn)).finally(() => own.closed) as T;
}

/** The session that the present code runs in; one that has ended hands on to a new one what still comes. */
export function currentSession(): ActiveSession | undefined {
  return state().frames.getStore()?.session;
}

/** The current session, or else the process's own, which is opened on demand and ends with the process. */
export function sessionForAction(): ActiveSession {
  return liveSession(undefined);
}

/** The session that takes an action: the one named, the current one, or the process's. */
export function liveSession(named: ActiveSession | undefined): Session {
  const current = named && isSession(named) ? named : state().frames.getStore()?.session;
  return current?.live() ?? processSession();
}

/** By shape: it may come from another copy of this package. */
function isSession(named: ActiveSession): named is Session {
  return 'live' in named && 'recorder' in named;
}

/** A root: it serves many traces, and belongs to none of them, nor to whoever called first. */
function processSession(): Session {
  const present = state();
  present.processSession ??= context.with(ROOT_CONTEXT, () => openSession({}, { type: 'root' }));
  return present.processSession;
}

interface Opening {
  /** The principal of the session that it is opened in, which may have ended. */
  readonly onBehalf?: string | undefined;
  readonly automatic?: boolean;
}

function openSession(options: SessionOptions, lineage: Lineage, { onBehalf, automatic = false }: Opening = {}): Session {
  const { settings } = state().configuration;
  const { principal, owner, memory } = settings;
  const agent: Agent = options.agent ?? settings.agent;
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  checkTexts(agent, given);
  watchExit();
  lookOnce();
  // Whoever an agent acts for, those that work for it act for, too: else a principal could approve what they had delegated.
  return new Session({ principal: onBehalf || principal, owner, memory, ...given }, agent, lineage, automatic);
}

/** JavaScript gives what it likes; a link holds texts. */
function checkTexts(agent: Agent, { principal, owner, memoryStore, conversationId }: SessionOptions): void {
  if (typeof agent.id !== 'string' || agent.id === '') {
    throw new CustodyError('invalid_argument', 'session: agent.id is missing: give it, or leave agent out to take CUSTODY_AGENT_ID');
  }
  const texts = { 'agent.name': agent.name, 'agent.version': agent.version, principal, owner, memoryStore, conversationId };
  for (const [name, value] of Object.entries(texts)) {
    if (value !== undefined && typeof value !== 'string') {
      throw new CustodyError('invalid_argument', `session: ${name} is a ${typeof value}: give a string`);
    }
  }
}

/**
 * A parent in this process announces its child; one that has ended, or is elsewhere, is named by its intent. A caller outside is
 * nearer than whatever the server was started in.
 */
function lineageOf(frame: Frame | undefined, as: Announcement | undefined): Lineage {
  const caller = callerOf(context.active());
  if (caller) return { type: 'asked', by: caller };
  if (frame === undefined) return { type: 'root' };
  if (!frame.session.ended) return { type: 'nested', in: frame.session, as };
  const { lastIntent: by, family } = frame.session;
  return by ? { type: 'asked', by, family } : { type: 'root' };
}

/** A run that nobody awaits keeps its session open: its model may have asked for what is still to begin. */
function join<T>(own: Session, fn: (session: ActiveSession) => T): T {
  const left = own.join();
  let result: T;
  try {
    result = fn(own);
  } catch (error) {
    left();
    throw error;
  }
  const observer: Observer = { within: (step) => step(), value: left, error: left, yielded: () => {}, stopped: left };
  return observe(result, observer, state().configuration.idleMs);
}

/** Follows the function of a session to its end. */
class Run implements Observer {
  private readonly session: Session;
  private readonly frame: Frame;
  private readonly outcomeOf: RunOptions['outcomeOf'];

  constructor(own: Session, frame: Frame, outcomeOf: RunOptions['outcomeOf']) {
    this.session = own;
    this.frame = frame;
    this.outcomeOf = outcomeOf;
  }

  start<T>(fn: (session: ActiveSession) => T): T {
    let result: T;
    try {
      result = this.within(() => fn(this.session));
    } catch (error) {
      this.error(error);
      throw error;
    }
    return observe(result, this, state().configuration.idleMs);
  }

  within<R>(step: () => R): R {
    const { context: own } = this.frame;
    return context.with(own, () => state().frames.run(this.frame, step));
  }

  value(): void {
    this.session.settle('completed');
  }

  error(error: unknown): void {
    this.session.settle(guarded('reading an outcome', () => this.outcomeOf?.(error)) ?? outcomeOfError(error));
  }

  yielded(): void {}

  stopped(how: 'exhausted' | 'returned' | 'unread'): void {
    this.session.settle(how === 'exhausted' ? 'completed' : how === 'unread' ? 'abandoned' : 'cancelled');
  }
}
