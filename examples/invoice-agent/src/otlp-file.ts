import type { AttributeValue } from '@agent-custody/chain';
import type { RecordedLink } from './attacks.js';

/** One OTLP/JSON request, on one line: what `agent-custody verify --file` reads. */
export function otlpLine(links: readonly RecordedLink[]): string {
  const spans = links.map((link) => ({
    traceId: link.traceId,
    spanId: link.spanId,
    name: 'link',
    attributes: Object.entries(link.attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
  }));
  return `${JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })}\n`;
}

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}
