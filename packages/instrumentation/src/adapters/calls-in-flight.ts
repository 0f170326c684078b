const KEY = Symbol.for('agent-custody.instrumentation.v1.calls-in-flight');

type Enter = <T>(fn: () => T) => T;

/** Under this name the Claude Agent SDK tells an MCP server in `_meta` which call of its model it answers. */
const META_KEY = 'claudecode/toolUseId';

function calls(): Map<string, Enter> {
  const holder = globalThis as { [KEY]?: Map<string, Enter> };
  holder[KEY] ??= new Map();
  return holder[KEY];
}

/**
 * Actions that are under way in another process and that come back into this one for their tool: by call id, how to go on inside.
 * Answers how to take the call out again.
 */
export function putInFlight(callId: string, enter: Enter): () => void {
  const present = calls();
  present.set(callId, enter);
  return () => {
    if (present.get(callId) === enter) present.delete(callId);
  };
}

/** How to go on inside the action that a request of MCP belongs to; undefined when it is of none. */
export function callInFlight(meta: unknown): Enter | undefined {
  const callId = typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)[META_KEY] : undefined;
  return typeof callId === 'string' ? calls().get(callId) : undefined;
}
