import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { IdleTimer } from '../../idle.js';
import { liveSession, runInSession } from '../../session.js';
import type { ActiveSession, SessionOutcome } from '../../types.js';
import { HookAnswers } from './answers.js';
import { ToolCalls } from './calls.js';
import { ReadAhead } from './read-ahead.js';
import { Scope } from './scope.js';
import type { Block, HookInput, Message, Messages, Options, Query } from './types.js';

/** How a query ended. */
class Ended extends Error {
  override readonly name = 'Ended';
  readonly outcome: SessionOutcome;

  constructor(outcome: SessionOutcome) {
    super(outcome);
    this.outcome = outcome;
  }
}

/** Reads the outcome from what a query's session function throws. */
export function outcomeOfQuery(error: unknown): SessionOutcome | undefined {
  return error instanceof Ended ? error.outcome : undefined;
}

/** One query: the program of the package runs the agent, its sub-agents and their tools, and tells of them by messages and hooks. */
export class QueryRun {
  readonly calls: ToolCalls;
  readonly answers = new HookAnswers();
  private options: Options;
  private readonly children = new Map<string, Scope>();
  /** Calls that sub-agents work for, by the sub-agent. */
  private readonly parents = new Map<string, string>();
  private readonly endings = new Map<Scope, () => void>();
  private readonly settled: Promise<void>;
  private settle: (outcome: SessionOutcome) => void = () => undefined;
  private main: Scope | undefined;
  private reader: ReadAhead | undefined;
  private idle: IdleTimer | undefined;
  private outcome: SessionOutcome | undefined;
  private interrupted = false;
  private closesInput = false;
  /** Whether the latest prompt has a result. */
  private answered = true;
  private waiters: (() => void)[] = [];

  /** @param failures whether the package tells of tools that failed by a hook */
  constructor(options: Options, failures: boolean) {
    this.options = options;
    this.calls = new ToolCalls(failures);
    this.settled = new Promise((resolve, reject) => {
      this.settle = (outcome) => (outcome === 'completed' ? resolve() : reject(new Ended(outcome)));
    });
    this.settled.catch(() => undefined);
  }

  /** What became known of it after its program was started. */
  claimed(options: Options | undefined): void {
    this.options = { ...this.options, ...options };
  }

  /** The application is through with a session. */
  closed(): void {
    this.end(this.outcome ?? 'completed');
  }

  /** One turn is over whose messages were not seen: what no hook told the end of was refused after it had been let. */
  turned(outcome: SessionOutcome): void {
    if (outcome === 'completed') this.calls.end('not_executed');
    this.end(outcome);
  }

  /** Begins in its session, in which it is made; answers when it is over. */
  begin(session: ActiveSession): Promise<void> {
    this.main = new Scope(session, { systemPrompt: promptOf(this.options.systemPrompt), tools: null });
    const leave = liveSession(session).join();
    return this.settled.finally(leave);
  }

  /** Starts the query; one that cannot be started is over. */
  starting(start: () => Query): Query {
    try {
      return start();
    } catch (error) {
      this.settle('error');
      throw error;
    }
  }

  /** The query itself, whose messages are listened to from now on. */
  follow(query: Query): void {
    const iterator: Messages = query[Symbol.asyncIterator]();
    this.closesInput = typeof query.waitForFirstResult === 'function';
    this.idle = new IdleTimer(state().configuration.idleMs, () => this.end('abandoned'));
    this.reader = new ReadAhead(iterator, {
      message: (message) => void guarded('reading a message', () => this.message(message)),
      ended: (how) => void guarded('ending a query', () => this.end(how === 'failed' ? 'error' : this.outcome, how === 'returned')),
      waiting: (waits) => (waits ? this.idle?.enter() : this.idle?.leave()),
    });
    const { interrupt } = query;
    if (typeof interrupt !== 'function') return;
    query.interrupt = (...args) => {
      this.interrupted = true;
      return Reflect.apply(interrupt, query, args) as Promise<unknown>;
    };
  }

  /**
   * The prompts of a conversation. Version 0.2 closes its program's input when they are over and a first result has come, and a program
   * whose input is closed asks for no hook any more: the last turn would run unseen. So they are over when that has its result.
   */
  async *prompts(given: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const prompt of given) {
      this.answered = false;
      yield prompt;
    }
    if (this.closesInput && !this.answered) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  /** The agent that a hook speaks of, as soon as the message that its call is in has been read. */
  async scopeOf({ tool_use_id: callId, agent_id: agent, agent_type: type }: HookInput): Promise<Scope | undefined> {
    this.idle?.touch();
    const known = (): boolean => {
      const scope = typeof agent === 'string' ? this.children.get(agent) : this.main;
      return scope?.hasAsked(String(callId)) === true;
    };
    await this.reader?.until(known);
    return typeof agent === 'string' ? this.child(agent, type) : this.main;
  }

  /** A sub-agent has ended. */
  agentStopped({ agent_id: agent, agent_type: type }: HookInput): void {
    const scope = typeof agent === 'string' ? this.child(agent, type) : undefined;
    if (scope) this.finish(scope);
  }

  private get stopped(): boolean {
    return this.interrupted || this.options.abortController?.signal.aborted === true;
  }

  private message(message: Message): void {
    const { type, subtype, parent_tool_use_id: parent } = message;
    if (type === 'system' && subtype === 'init' && this.main) {
      this.main.known.tools = Array.isArray(message.tools) ? message.tools.map((name) => ({ name: String(name) })) : null;
    }
    if (type === 'system' && subtype === 'task_started') this.started(message);
    if (type === 'assistant') this.speaker(parent)?.heard(message);
    if (type === 'user') this.results(message, this.speaker(parent));
    if (type === 'result') this.turnEnded();
    if (type === 'result') this.outcome = message.is_error === true ? 'error' : 'completed';
  }

  private turnEnded(): void {
    this.answered = true;
    for (const go of this.waiters.splice(0)) go();
  }

  private started({ task_id: agent, tool_use_id: callId, subagent_type: type }: Message): void {
    if (typeof agent !== 'string' || typeof callId !== 'string') return;
    // Other things that go on in the background are tasks too.
    if (!this.calls.isAgent(callId)) return;
    this.parents.set(agent, callId);
    this.child(agent, type);
  }

  /** Whose messages name this call as their parent. */
  private speaker(parent: unknown): Scope | undefined {
    if (typeof parent !== 'string') return this.main;
    const agent = [...this.parents].find(([, callId]) => callId === parent)?.[0];
    return agent === undefined ? undefined : this.children.get(agent);
  }

  private results({ message }: Message, scope: Scope | undefined): void {
    for (const block of Array.isArray(message?.content) ? (message.content as Block[]) : []) {
      if (block.type !== 'tool_result' || typeof block.tool_use_id !== 'string') continue;
      // An error without a hook: there is no such tool, or its input was refused. A result without one is what must not be.
      if (block.is_error === true) scope?.forgo([block.tool_use_id]);
      else scope?.executed(block.tool_use_id);
      this.calls.result(block.tool_use_id, block, this.stopped);
    }
  }

  /** The session of a sub-agent: child of the call that it works for. */
  private child(agent: string, type: unknown): Scope | undefined {
    const present = this.children.get(agent);
    if (present || !this.main) return present;
    const name = typeof type === 'string' ? type : (this.calls.agentType(this.parents.get(agent)) ?? 'agent');
    const callId = this.parents.get(agent) ?? this.calls.agentWithout(new Set(this.parents.values()), name);
    if (callId !== undefined) this.parents.set(agent, callId);
    const enter = (callId === undefined ? undefined : this.calls.enter(callId)) ?? this.main.enter;
    const { prompt, tools } = this.options.agents?.[name] ?? {};
    const known = { systemPrompt: promptOf(prompt), tools: tools?.map((tool) => ({ name: tool })) ?? null };
    // The id is the one that collectors and registers know the application by.
    const id = liveSession(this.main.session).agentId;
    const opened = guarded('opening the session of a sub-agent', () =>
      enter(() =>
        runInSession({ agent: { id, name }, automatic: 'child' }, (session) => {
          const scope = new Scope(session, known);
          this.children.set(agent, scope);
          return new Promise<void>((resolve) => this.endings.set(scope, resolve));
        }),
      ),
    );
    opened?.catch(() => undefined);
    return this.children.get(agent);
  }

  private finish(scope: Scope): void {
    if (scope.over) return;
    scope.over = true;
    scope.forgo();
    this.endings.get(scope)?.();
    this.endings.delete(scope);
  }

  private end(outcome: SessionOutcome | undefined, returned = false): void {
    this.idle?.stop();
    this.turnEnded();
    const how = this.stopped ? 'cancelled' : (outcome ?? (returned ? 'cancelled' : 'completed'));
    this.calls.end(how === 'error' ? 'process_ended' : 'AbortError');
    for (const scope of [...this.children.values()].reverse()) this.finish(scope);
    this.main?.forgo();
    if (this.main) this.main.over = true;
    this.settle(how);
  }
}

/** `null` where the program makes it, or a part of it. */
function promptOf(given: unknown): string | string[] | null {
  if (typeof given === 'string') return given;
  if (Array.isArray(given)) return given.map(String);
  if (typeof given !== 'object' || given === null) return null;
  const { type, prompt } = given as { type?: unknown; prompt?: unknown };
  return type === 'custom' ? promptOf(prompt) : null;
}
