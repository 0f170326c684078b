import { guarded } from '../errors.js';
import { runInSession } from '../session.js';
import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { patchesEnabled, runOptions } from './arming.js';
import { callInFlight } from './calls-in-flight.js';
import { withHooks } from './claude-agent-sdk/hooks.js';
import { probeQuery } from './claude-agent-sdk/probe.js';
import { outcomeOfQuery, QueryRun } from './claude-agent-sdk/run.js';
import type { Query, QueryParams, ServerTool, SpareProcess, TurnSession, WarmQuery } from './claude-agent-sdk/types.js';
import { patchExports } from './patching.js';

/**
 * `@anthropic-ai/claude-agent-sdk` 0.2 and 0.3: `query`, and `startup` and `prewarm` that begin one ahead. A native program runs the
 * agent and its tools and tells of them by hooks and messages: that is what is listened to, beside the application's own hooks.
 * Sub-agents are child sessions. The requests of the program are out of reach; what of them is known is what the application gave.
 */
export const claudeAgentSdkAdapter: Adapter = {
  name: 'claude-agent-sdk',
  marks: [/Claude Code process exited with[ ]code/, /canUseTool callback is not[ ]provided/],
  targets: ['sdk.mjs', 'core.mjs'].map((file) =>
    target({
      packageName: '@anthropic-ai/claude-agent-sdk',
      versions: ['>=0.2 <0.4'],
      file,
      main: file === 'sdk.mjs',
      classesOnly: false,
      patch: patchQueries,
    }),
  ),
  probe: (load) => probeQuery(load, PROBE_TOOL),
};

type Original = (this: unknown, ...args: never[]) => unknown;
type Patched = (this: unknown, ...args: unknown[]) => unknown;

function patchQueries(exports: Exports): Exports | undefined {
  const events = exports['HOOK_EVENTS'];
  const supported = Array.isArray(events) ? (events as string[]) : [];
  if (!supported.includes('PreToolUse')) return undefined;
  const perhaps: Record<string, (original: Original) => Patched> = {
    startup: (original) => startsUp(original, supported),
    prewarm: (original) => parks(original, supported),
    unstable_v2_createSession: (original) => opens(original, supported, 0),
    unstable_v2_resumeSession: (original) => opens(original, supported, 1),
    unstable_v2_prompt: (original) => prompts(original, supported),
  };
  return patchExports(exports, {
    query: (original) => queries(original, supported),
    createSdkMcpServer: serves,
    ...Object.fromEntries(Object.entries(perhaps).filter(([name]) => typeof exports[name] === 'function')),
  });
}

function queries(original: Original, supported: readonly string[]): Patched {
  return function (params, ...rest) {
    if (!patchesEnabled() || typeof params !== 'object' || params === null)
      return Reflect.apply(original, this, [params, ...rest] as never[]);
    const { run, seen } = observed(params as QueryParams, supported);
    return inSession(run, () => Reflect.apply(original, this, [seen, ...rest] as never[]) as Query);
  };
}

/** The program starts now, and its one query comes later. */
function startsUp(original: Original, supported: readonly string[]): Patched {
  return function (params = {}, ...rest) {
    if (!patchesEnabled() || typeof params !== 'object' || params === null)
      return Reflect.apply(original, this, [params, ...rest] as never[]);
    const { run, seen } = observed(params as QueryParams, supported);
    return (Reflect.apply(original, this, [seen, ...rest] as never[]) as Promise<WarmQuery>).then((warm) => {
      const { query } = warm;
      warm.query = (prompt, ...more) => inSession(run, () => Reflect.apply(query, warm, [observedPrompt(prompt, run), ...more]) as Query);
      return warm;
    });
  };
}

/** The program starts now, and what it is for comes later. */
function parks(original: Original, supported: readonly string[]): Patched {
  return function (params = {}, ...rest) {
    if (!patchesEnabled() || typeof params !== 'object' || params === null)
      return Reflect.apply(original, this, [params, ...rest] as never[]);
    const { run, seen } = observed(params as QueryParams, supported);
    return (Reflect.apply(original, this, [seen, ...rest] as never[]) as Promise<SpareProcess>).then((spare) => {
      const { claim } = spare;
      spare.claim = (claimed, ...more) => {
        guarded('claiming a program', () => run.claimed(claimed?.options));
        return inSession(
          run,
          () => Reflect.apply(claim, spare, [{ ...claimed, prompt: observedPrompt(claimed.prompt, run) }, ...more]) as Query,
        );
      };
      return spare;
    });
  };
}

/** Version 0.2 has sessions, too: a query whose prompts are sent and whose messages are read turn by turn. */
function opens(original: Original, supported: readonly string[], at: number): Patched {
  return function (...args) {
    const options = args[at];
    if (!patchesEnabled() || typeof options !== 'object' || options === null) return Reflect.apply(original, this, args as never[]);
    const { run, seen } = observed({ options }, supported);
    const opened: { session?: TurnSession } = {};
    inSession(run, () => {
      const session = Reflect.apply(original, this, args.map((arg, i) => (i === at ? seen.options : arg)) as never[]) as TurnSession;
      opened.session = session;
      return session.query;
    });
    const { session } = opened;
    if (session === undefined) return undefined;
    const { close } = session;
    session.close = (...rest) => {
      guarded('ending a query', () => run.closed());
      return Reflect.apply(close, session, rest);
    };
    return session;
  };
}

/** One turn of such a session, whose messages nobody gets to see: its calls are known by hooks alone. */
function prompts(original: Original, supported: readonly string[]): Patched {
  return function (message, options, ...rest) {
    if (!patchesEnabled() || typeof options !== 'object' || options === null)
      return Reflect.apply(original, this, [message, options, ...rest] as never[]);
    const { run, seen } = observed({ options }, supported);
    return runInSession({ ...runOptions(), automatic: true, outcomeOf: outcomeOfQuery }, async (session) => {
      guarded('beginning a query', () => run.begin(session));
      try {
        const result = await (Reflect.apply(original, this, [message, seen.options, ...rest] as never[]) as Promise<unknown>);
        guarded('ending a query', () => run.turned('completed'));
        return result;
      } catch (error) {
        guarded('ending a query', () => run.turned('error'));
        throw error;
      }
    });
  };
}

function observed<P extends QueryParams>(params: P, supported: readonly string[]): { run: QueryRun; seen: P } {
  const { options = {} } = params;
  const run = new QueryRun(options, supported.includes('PostToolUseFailure'));
  const prompt = 'prompt' in params ? { prompt: observedPrompt(params.prompt, run) } : {};
  const seen = guarded('observing a query', () => ({ ...params, ...prompt, options: withHooks(options, run, supported) }));
  return { run, seen: seen ?? params };
}

/** A text, or a conversation. */
function observedPrompt(prompt: unknown, run: QueryRun): unknown {
  const isConversation = typeof prompt === 'object' && prompt !== null && Symbol.asyncIterator in prompt;
  return isConversation ? run.prompts(prompt as AsyncIterable<unknown>) : prompt;
}

/** The session lasts as long as the query, which the application has at once. */
function inSession(run: QueryRun, start: () => Query): Query {
  const held: { query?: Query } = {};
  const over = runInSession({ ...runOptions(), automatic: true, outcomeOf: outcomeOfQuery }, (session) => {
    const done = guarded('beginning a query', () => run.begin(session));
    const query = run.starting(start);
    held.query = query;
    guarded('listening to a query', () => run.follow(query));
    return done ?? Promise.resolve();
  });
  over.catch(() => undefined);
  return held.query as Query;
}

/** Tools of a server in this process run inside the action that they are called for. */
function serves(original: Original): Patched {
  return function (options, ...rest) {
    const { tools } = (options ?? {}) as { tools?: unknown };
    if (!patchesEnabled() || !Array.isArray(tools)) return Reflect.apply(original, this, [options, ...rest] as never[]);
    const seen = { ...(options as object), tools: (tools as ServerTool[]).map(within) };
    return Reflect.apply(original, this, [seen, ...rest] as never[]);
  };
}

function within<T extends ServerTool>(tool: T): T {
  const { handler } = tool;
  if (typeof handler !== 'function') return tool;
  const inside = function (this: unknown, ...args: unknown[]): unknown {
    const execute = (): unknown => Reflect.apply(handler, tool, args);
    const extra = args.at(-1) as { _meta?: unknown } | undefined;
    const enter = callInFlight(extra?._meta);
    return enter === undefined ? execute() : enter(execute);
  };
  return { ...tool, handler: inside };
}
