// Four attacks on a copy of what was recorded. Each is what somebody with write access to a store of spans would do, and for each the
// verifier's answer is known beforehand.

import { ATTR, type AttributeValue, canonicalize, type FindingCode, isCovered, linkHash, portableHashing } from '@agent-custody/chain';

/** A link as the collector's API gives it: attributes and the span that they were on. */
export interface RecordedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface Attack {
  readonly name: string;
  readonly does: string;
  readonly expects: readonly FindingCode[];
  readonly apply: (links: readonly RecordedLink[]) => RecordedLink[];
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'edit',
    does: "the digest of an e-mail's arguments is replaced by another",
    expects: ['content_mismatch'],
    apply: (links) => replace(links, intentOf(links, 'send_email'), { [ATTR.argumentsDigest]: '0'.repeat(64) }),
  },
  {
    name: 'drop',
    does: 'the link that says the report was written is deleted',
    expects: ['gap', 'unfinished_action'],
    apply: (links) => {
      const at = links.findLastIndex((link) => kindOf(link) === 'action.outcome' && toolOf(link) === 'write_file');
      return links.filter((_link, i) => i !== at);
    },
  },
  {
    name: 'fork',
    does: 'a second history is told from the third link on',
    expects: ['fork'],
    apply: (links) => {
      const third = links[2] as RecordedLink;
      return [...links, rehash({ ...third, spanId: 'f'.repeat(16) })];
    },
  },
  {
    name: 'act after deny',
    does: 'the e-mail had been denied and was sent; every hash made anew',
    expects: ['executed_after_deny'],
    apply: (links) => rechain(replace(links, intentOf(links, 'send_email'), { [ATTR.policyDecision]: 'deny' })),
  },
];

const kindOf = (link: RecordedLink): AttributeValue | undefined => link.attributes[ATTR.kind];
const toolOf = (link: RecordedLink): AttributeValue | undefined => link.attributes[ATTR.toolName];

function intentOf(links: readonly RecordedLink[], tool: string): number {
  const at = links.findIndex((link) => kindOf(link) === 'action.intent' && toolOf(link) === tool);
  if (at < 0) throw new Error(`the recording holds no intent of ${tool}: run the agent first`);
  return at;
}

function replace(links: readonly RecordedLink[], at: number, change: Readonly<Record<string, AttributeValue>>): RecordedLink[] {
  return links.map((link, i) => (i === at ? { ...link, attributes: { ...withoutContent(link.attributes), ...change } } : link));
}

/** Whoever replaces a digest leaves out the content that would contradict it. */
function withoutContent(attributes: Readonly<Record<string, AttributeValue>>): Record<string, AttributeValue> {
  const { [ATTR.toolArguments]: _content, [ATTR.saltArguments]: _salt, ...rest } = attributes;
  return rest;
}

function rehash(link: RecordedLink): RecordedLink {
  const covered = Object.fromEntries(Object.entries(link.attributes).filter(([key]) => isCovered(key)));
  const preimage = canonicalize({ attributes: covered, span_id: link.spanId, trace_id: link.traceId });
  return { ...link, attributes: { ...link.attributes, [ATTR.hash]: linkHash(preimage, portableHashing) } };
}

/** Gives every link the hash of its predecessor and its own anew: what anybody can do with an unkeyed chain that nobody else holds. */
function rechain(links: readonly RecordedLink[]): RecordedLink[] {
  let prev: AttributeValue | undefined;
  return links.map((link) => {
    const rewritten = rehash(prev === undefined ? link : { ...link, attributes: { ...link.attributes, [ATTR.prev]: prev } });
    prev = rewritten.attributes[ATTR.hash] as string;
    return rewritten;
  });
}
