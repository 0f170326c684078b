// The text of a segment: a line for each link, in the order of arrival; fields with a tab between them: seq, stated hash, whether it
// recomputes (0, 1), what its disclosure was found to be, preimage, disclosed content as JSON ('' for none). No field can hold a tab
// or a line feed: the last two are JSON, which escapes them.

import { ATTR, type AttributeValue, type LinkCopy, WIRE_VERSION } from '@agent-custody/chain';

/** Sequence numbers in a block. Segments never cross one, so that a link is found by its place however many segments there are. */
const BLOCK_LINKS = 32;

export function blockOf(seq: number): number {
  return Math.floor((seq - 1) / BLOCK_LINKS);
}

/** A link as its line in a segment; lines are joined by line feeds. */
export function lineOf(link: LinkCopy): string {
  const content = hasEntries(link.content) ? JSON.stringify(link.content) : '';
  return `${link.seq}\t${link.hash}\t${link.recomputes ? 1 : 0}\t${link.disclosure}\t${link.preimage}\t${content}`;
}

/** One link of a segment that was not parsed yet. */
export interface SegmentLine {
  readonly seq: number;
  readonly text: string;
}

/** @param block stands for the place of a line that no collector wrote, and that names none */
export function linesOf(segment: string, block: number): SegmentLine[] {
  return segment.split('\n').map((text) => {
    const seq = Number(text.slice(0, text.indexOf('\t')));
    return { seq: Number.isSafeInteger(seq) && seq > 0 ? seq : block * BLOCK_LINKS + 1, text };
  });
}

/** The segment with what its links disclosed left out: the chain stays whole, and nobody can confirm a guess any more. */
export function withoutContent(segment: string): string {
  return segment
    .split('\n')
    .map((line) => line.slice(0, line.lastIndexOf('\t') + 1))
    .join('\n');
}

export function linkOf(session: string, { seq, text }: SegmentLine): LinkCopy {
  const [, hash = '', recomputes, disclosure, preimage = '', content = ''] = text.split('\t');
  const stored = storedOf(preimage, content) ?? UNREADABLE;
  const { attributes } = stored;
  return {
    session,
    seq,
    hash,
    preimage,
    attributes,
    kind: String(attributes[ATTR.kind]),
    version: Number(attributes[ATTR.version]),
    prev: String(attributes[ATTR.prev]),
    time: String(attributes[ATTR.time]),
    traceId: stored.traceId,
    spanId: stored.spanId,
    recomputes: recomputes === '1' && stored !== UNREADABLE,
    disclosure: disclosure === 'verified' || disclosure === 'mismatch' ? disclosure : 'none',
    content: stored.content,
  };
}

type Stored = Pick<LinkCopy, 'attributes' | 'traceId' | 'spanId' | 'content'>;

/** What a line says that no collector wrote: nothing. It still stands for its place, so that it is judged and the rest with it. */
const UNREADABLE: Stored = {
  attributes: { [ATTR.kind]: 'unreadable', [ATTR.version]: WIRE_VERSION, [ATTR.prev]: '', [ATTR.time]: '0' },
  traceId: '',
  spanId: '',
  content: {},
};

/** Reads the two fields of JSON; undefined when they were edited, or damaged, past reading. */
function storedOf(preimage: string, content: string): Stored | undefined {
  try {
    const parsed = JSON.parse(preimage) as { attributes?: unknown; span_id?: unknown; trace_id?: unknown } | null;
    const disclosed: unknown = content === '' ? {} : JSON.parse(content);
    const { attributes, span_id: spanId, trace_id: traceId } = parsed ?? {};
    if (!isRecord(attributes, isAttribute) || !isRecord(disclosed, isText)) return undefined;
    return typeof spanId === 'string' && typeof traceId === 'string' ? { attributes, spanId, traceId, content: disclosed } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function hasEntries(content: Readonly<Record<string, string>>): boolean {
  for (const _ in content) return true;
  return false;
}

function isRecord<T>(value: unknown, holds: (item: unknown) => item is T): value is Record<string, T> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) if (!holds((value as Record<string, unknown>)[key])) return false;
  return true;
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isAttribute(value: unknown): value is AttributeValue {
  return isText(value) || typeof value === 'number' || (Array.isArray(value) && value.every(isText));
}
