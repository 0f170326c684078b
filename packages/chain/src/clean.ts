import { ATTR, type AttributeValue } from './attributes.js';
import { factsOf } from './keys.js';
import { hasFields } from './schema.js';
import type { SpanView, WireValue } from './span.js';

const HEX64 = /^[0-9a-f]{64}$/;
const TRACE_ID = /^[0-9a-f]{32}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;

/** What a link holds, its values sorted by what the hash does with them. */
export interface LinkValues {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Texts that the hash does not cover. */
  readonly content: Readonly<Record<string, string>>;
  readonly hash: string;
}

/**
 * Reads a span that is a link beyond doubt, which nearly every one is; undefined leaves it to the reading that says what is wrong, if
 * anything is. It may doubt what is right and must never take what is wrong: a test holds it against that reading.
 */
export function cleanLink(span: SpanView): LinkValues | undefined {
  if (!TRACE_ID.test(span.traceId) || !SPAN_ID.test(span.spanId) || isZero(span.traceId) || isZero(span.spanId)) return undefined;
  const attributes: Record<string, AttributeValue> = {};
  const content: Record<string, string> = {};
  let hash = '';
  const pairs = span.attributes;
  // By index: this runs for every attribute of every link.
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i] as readonly [string, WireValue];
    const key = pair[0];
    const value = pair[1];
    const facts = factsOf(key);
    if (!facts.read) continue;
    if (facts.misnamed) return undefined;
    if (facts.covered) {
      if (attributes[key] !== undefined || (facts.component && !(typeof value === 'string' && HEX64.test(value)))) return undefined;
      if (typeof value === 'string' ? !value.isWellFormed() : typeof value !== 'number' && !isTexts(value)) return undefined;
      attributes[key] = value as AttributeValue;
    } else {
      if (typeof value !== 'string' || !value.isWellFormed()) return undefined;
      if (key === ATTR.hash) {
        if (hash !== '' || !HEX64.test(value)) return undefined;
        hash = value;
      } else if (content[key] !== undefined) return undefined;
      else content[key] = value;
    }
  }
  return hash !== '' && hasFields(attributes) ? { attributes, content, hash } : undefined;
}

function isZero(id: string): boolean {
  return id.charCodeAt(0) === 48 && /^0+$/.test(id);
}

function isTexts(value: WireValue): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item.isWellFormed());
}
