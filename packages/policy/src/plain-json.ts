/** Nesting past this is no policy that anybody wrote. */
const MAX_DEPTH = 64;

export type PlainJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly path: string; readonly problem: string };

/**
 * A copy of a value that is plain JSON and would be digested as what it says: no NaN or infinity, no integer that was rounded, no
 * lone surrogate, no class instance. A copy, so that nobody changes a policy after it was checked.
 */
export function plainJson(value: unknown): PlainJson {
  try {
    return { ok: true, value: copy(value, '', 0) };
  } catch (error) {
    if (error instanceof NotPlain) return { ok: false, path: error.path, problem: error.message };
    throw error;
  }
}

class NotPlain extends Error {
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

function copy(value: unknown, path: string, depth: number): unknown {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      if (!value.isWellFormed()) throw new NotPlain(path, 'holds half of a surrogate pair: no text');
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new NotPlain(path, 'expected a finite number');
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new NotPlain(path, 'is too large to be read exactly: quote it');
      return value === 0 ? 0 : value;
    case 'object':
      break;
    default:
      throw new NotPlain(path, `a ${typeof value} is no JSON value`);
  }
  if (value === null) return null;
  if (depth >= MAX_DEPTH) throw new NotPlain(path, `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return value.map((item, at) => copy(item, `${path}/${at}`, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new NotPlain(path, 'expected a plain object');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, copy(item, `${path}/${key}`, depth + 1)]),
  );
}
