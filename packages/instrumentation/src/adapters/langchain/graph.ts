import { state } from '../../global.js';
import { currentSession, type RunOptions, runInSession } from '../../session.js';
import type { Agent } from '../../types.js';
import { patchesEnabled, runOptions } from '../arming.js';
import { outcomeOfError } from './errors.js';
import { setThread } from './thread.js';
import type { Config, Graph } from './types.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Of a graph that was compiled without a name. */
const UNNAMED = 'LangGraph';
/** In the configuration of what runs inside a node of a graph. */
const INSIDE_A_NODE = '__pregel_read';

/**
 * Wraps `Pregel._streamIterator`, which every run of a graph is, however it was started: a run is a session, one inside a node of
 * another graph (a subgraph, an agent under a supervisor) its child.
 */
export function recordedGraph(original: Method): Method {
  return function (this: unknown, ...args) {
    const run = (): unknown => Reflect.apply(original, this, args);
    if (!patchesEnabled()) return run();
    const graph = this as Graph;
    const config = (args[1] ?? {}) as Config;
    const thread = threadIn(config) ?? threadIn(graph.config);
    return runInSession(optionsOf(graph, config, thread), (session) => {
      setThread(session, thread);
      return run();
    });
  };
}

function optionsOf(graph: Graph, config: Config, thread: string | undefined): RunOptions {
  const inside = config.configurable?.[INSIDE_A_NODE] !== undefined && currentSession() !== undefined;
  return {
    ...runOptions(),
    agent: agentOf(graph, inside, config),
    automatic: inside ? 'child' : true,
    outcomeOf: (error) => outcomeOfError(error, config.signal),
    ...(thread !== undefined && { conversationId: thread }),
  };
}

/** Who acts is the configured agent, whose id collectors and registers know it by; which part of it, the name says. */
function agentOf({ name }: Graph, inside: boolean, { metadata }: Config): Agent {
  const { agent } = state().configuration.settings;
  const id = state().frames.getStore()?.session.agentId ?? agent.id;
  const own = [name, inside ? metadata?.['langgraph_node'] : undefined].find((one): one is string => isName(one));
  const given = agent.name !== agent.id ? agent.name : undefined;
  const named = inside ? own : (given ?? own);
  return { ...agent, id, ...(named !== undefined && { name: named }) };
}

function isName(name: unknown): boolean {
  return typeof name === 'string' && name !== '' && name !== UNNAMED;
}

function threadIn(config: Config | undefined): string | undefined {
  const thread = config?.configurable?.['thread_id'];
  return typeof thread === 'string' || typeof thread === 'number' ? String(thread) : undefined;
}
