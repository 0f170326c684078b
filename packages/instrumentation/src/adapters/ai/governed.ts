const KEY = Symbol.for('agent-custody.instrumentation.v1.ai-governed');

interface Governed {
  /** Of tools that record themselves. */
  readonly names: Set<string>;
  /** Calls that did, by id, until their events have told so too. */
  readonly calls: Set<string>;
}

/** Where no events come, as in ai 5, nobody takes the ids out. */
const LIMIT = 1_000;

function governed(): Governed {
  const holder = globalThis as { [KEY]?: Governed };
  holder[KEY] ??= { names: new Set(), calls: new Set() };
  return holder[KEY];
}

/** A tool by this name records its own calls, and can refuse them, which events cannot. */
export function governName(name: string): void {
  governed().names.add(name);
}

export function isGovernedName(name: string): boolean {
  return governed().names.has(name);
}

/** One of its calls begins. */
export function governedCall(callId: string): void {
  const { calls } = governed();
  calls.add(callId);
  if (calls.size > LIMIT) calls.delete(calls.values().next().value as string);
}

/** Whether the call was one of a governed tool, and not of another one with its name; forgets it. */
export function wasGoverned(callId: string): boolean {
  return governed().calls.delete(callId);
}
