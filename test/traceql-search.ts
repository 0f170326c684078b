import type { StoredSpan } from '../packages/collector/test/stored-spans.js';

// As much of TraceQL as tables and graphs of decisions are made of, read a second time: which of these spans a query finds.

/** @param query with its variables put in; what follows the first `|` is not looked at */
export function found(query: string, spans: readonly StoredSpan[]): readonly StoredSpan[] {
  const [selection = ''] = query.split(' | ');
  const [first, second] = selection.split(' ~ ').map((set) => matching(set, spans));
  if (first === undefined) throw new TypeError(`no set of spans in ${query}`);
  if (second === undefined) return first;
  return second.filter((span) => first.some((other) => other !== span && areSiblings(other, span)));
}

function areSiblings(a: StoredSpan, b: StoredSpan): boolean {
  return a.parentSpanId !== '' && a.parentSpanId === b.parentSpanId && a.traceId === b.traceId;
}

function matching(set: string, spans: readonly StoredSpan[]): readonly StoredSpan[] {
  const inside = /^\{ (.+) \}$/.exec(set)?.[1];
  if (inside === undefined) throw new TypeError(`not a set of spans: ${set}`);
  return inside.split(' && ').reduce((left, condition) => left.filter(holds(condition)), spans);
}

function holds(condition: string): (span: StoredSpan) => boolean {
  const [, attribute = '', operator, value = ''] = /^span\.([\w.]+) (=|=~|!=) (?:nil|"([^"]*)")$/.exec(condition) ?? [];
  return ({ attributes }) => {
    const actual = attributes[attribute];
    switch (operator) {
      case '=':
        return actual === value;
      case '=~':
        return typeof actual === 'string' && new RegExp(`^(?:${value})$`).test(actual);
      case '!=':
        return actual !== undefined;
      default:
        throw new TypeError(`not read here: ${condition}`);
    }
  };
}
