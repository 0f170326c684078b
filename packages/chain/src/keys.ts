import { ATTR, CONTENT_KEYS, FINGERPRINT_PREFIX, isCovered, isSetByCollector } from './attributes.js';
import { isRelevantKey } from './span.js';

/** What the format says about an attribute by its key alone. */
export interface KeyFacts {
  /** The verifier looks at it. */
  readonly read: boolean;
  /** It makes its span claim to be a link. */
  readonly claims: boolean;
  readonly covered: boolean;
  /** A fingerprint component: 64 hex. */
  readonly component: boolean;
  /** Content or a signature: a string. */
  readonly text: boolean;
  readonly misnamed: boolean;
}

const CUSTODY_KEY = /^custody\.[a-z0-9_.]+$/;

/** Keys come again and again; what was found out about one is kept, up to a bound that hostile keys cannot exceed. */
const KNOWN = new Map<string, KeyFacts>();
const MAX_KNOWN = 1024;

const NOT_READ: KeyFacts = { read: false, claims: false, covered: false, component: false, text: false, misnamed: false };

export function factsOf(key: string): KeyFacts {
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const facts = find(key);
  if (KNOWN.size < MAX_KNOWN && key.length <= 64) KNOWN.set(key, facts);
  return facts;
}

function find(key: string): KeyFacts {
  if (!isRelevantKey(key) || isSetByCollector(key)) return NOT_READ;
  return {
    read: true,
    claims: key.startsWith('custody.link.'),
    covered: isCovered(key),
    component: key.startsWith(FINGERPRINT_PREFIX) && key !== ATTR.fingerprintPrevious && key !== ATTR.fingerprintChanged,
    text: key === ATTR.signature || CONTENT_KEYS.has(key),
    misnamed: key.startsWith('custody.') && !CUSTODY_KEY.test(key),
  };
}
