import type { ActiveSession } from '../../types.js';

const KEY = Symbol.for('agent-custody.instrumentation.v1.langchain-threads');

function threads(): WeakMap<ActiveSession, string> {
  const holder = globalThis as { [KEY]?: WeakMap<ActiveSession, string> };
  holder[KEY] ??= new WeakMap();
  return holder[KEY];
}

/** The thread of the graph that runs in a session: its links say so from their start, also when the application opened the session. */
export function setThread(session: ActiveSession, thread: string | undefined): void {
  if (thread !== undefined) threads().set(session, thread);
}

export function threadOf(session: ActiveSession): string | undefined {
  return threads().get(session);
}
