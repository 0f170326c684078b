import type { Encoding } from './attributes.js';
import { canonicalize, MAX_DEPTH } from './canonical.js';

/** Nodes that a conversion visits at the most: an argument that is a whole object graph must not stall the agent. */
const MAX_NODES = 100_000;

/**
 * The canonical JSON text of any value, whatever it is. JSON values come out exactly (`json`); all others are made JSON first by
 * the rule in SPEC.md, "Values that are not JSON" (`lossy`). Never throws: an odd argument must not break the agent's call.
 *
 * @example toCanonical({ n: 1n }) // { text: '{"n":"1"}', encoding: 'lossy' }
 */
export function toCanonical(value: unknown): { readonly text: string; readonly encoding: Encoding } {
  try {
    return { text: canonicalize(value), encoding: 'json' };
  } catch {
    try {
      return { text: canonicalize(toJson(value, { nodes: 0, ancestors: new Set() }, 0)), encoding: 'lossy' };
    } catch {
      return { text: '"[unreadable]"', encoding: 'lossy' };
    }
  }
}

interface Walk {
  nodes: number;
  readonly ancestors: Set<object>;
}

function toJson(value: unknown, walk: Walk, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return value.toWellFormed();
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : objectToJson(value, walk, depth);
    case 'undefined':
      return null;
    default:
      return `[${typeof value}]`;
  }
}

function objectToJson(value: object, walk: Walk, depth: number): unknown {
  if (walk.ancestors.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH - 1) return '[too deep]';
  if (++walk.nodes > MAX_NODES) return '[too large]';
  walk.ancestors.add(value);
  try {
    return known(value, walk, depth) ?? collection(value, walk, depth) ?? properties(value, walk, depth);
  } catch {
    return '[unreadable]';
  } finally {
    walk.ancestors.delete(value);
  }
}

/** Objects that stand for a single value. */
function known(value: object, walk: Walk, depth: number): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value).toWellFormed();
  if (value instanceof Error) return { name: String(value.name).toWellFormed(), message: String(value.message).toWellFormed() };
  if (value instanceof ArrayBuffer) return hexOf(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return hexOf(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    const primitive: unknown = value.valueOf();
    return typeof primitive === 'object' ? undefined : toJson(primitive, walk, depth);
  }
  // URL and URLSearchParams exist in browsers and in node, but in no ECMAScript library that this package is compiled against.
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object URL]' || tag === '[object URLSearchParams]') return String(value).toWellFormed();
  return undefined;
}

function hexOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_NODES) return `[${bytes.length} bytes]`;
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}

function collection(value: object, walk: Walk, depth: number): unknown[] | undefined {
  if (!(Array.isArray(value) || value instanceof Map || value instanceof Set)) return undefined;
  const out: unknown[] = [];
  for (const item of value) {
    if (walk.nodes > MAX_NODES) {
      out.push('[too large]');
      break;
    }
    walk.nodes++;
    out.push(toJson(item, walk, depth + 1));
  }
  return out;
}

function properties(value: object, walk: Walk, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) {
    if (++walk.nodes > MAX_NODES) {
      out['[too large]'] = true;
      break;
    }
    let item: unknown;
    try {
      item = (value as Record<string, unknown>)[key];
    } catch {
      item = '[unreadable]';
    }
    if (item !== undefined) out[key.toWellFormed()] = toJson(item, walk, depth + 1);
  }
  return out;
}
