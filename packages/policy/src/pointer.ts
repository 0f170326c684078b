// JSON Pointer, RFC 6901.

/** The reference tokens of a pointer; undefined when it is none: not '' and not begun with '/', or a `~` without 0 or 1. */
export function pointerTokens(pointer: string): readonly string[] | undefined {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What {@link lookUp} answers when nothing is there: no JSON value is it. */
export const MISSING = Symbol('missing');

/** The value that a pointer names. Own properties only: `/__proto__` and `/constructor` name what the caller sent, or nothing. */
export function lookUp(value: unknown, tokens: readonly string[]): unknown {
  let here = value;
  for (const token of tokens) {
    if (typeof here !== 'object' || here === null) return MISSING;
    if (Array.isArray(here)) {
      if (!/^(?:0|[1-9]\d{0,15})$/.test(token) || Number(token) >= here.length) return MISSING;
      here = here[Number(token)];
    } else {
      if (!Object.hasOwn(here, token)) return MISSING;
      here = (here as Record<string, unknown>)[token];
    }
  }
  return here === undefined ? MISSING : here;
}
