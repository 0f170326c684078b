import { readFileSync } from 'node:fs';
import { type LinkCopy, readSpan } from '@agent-custody/chain';
import { expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { actionsOf } from '../src/report/actions.js';

interface Vector {
  readonly name: string;
  readonly requests: readonly {
    readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
  }[];
}
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string; readonly intValue?: string } }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../chain/vectors/own-sessions.json', import.meta.url), 'utf8')) as Vector[];

function linksOf(name: string): LinkCopy[] {
  const { requests } = vectors.find((vector) => vector.name === name) as Vector;
  const spans = requests.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  return spans.flatMap(({ traceId, spanId, attributes }) => {
    const values = attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)] as const);
    const reading = readSpan({ traceId, spanId, attributes: values }, nodeHashing);
    return reading.type === 'link' ? [reading.link] : [];
  });
}

it('an agent that a policy did not let start is told as that, and not as a tool', () => {
  const { denied } = actionsOf('billing-bot', linksOf('refused-start-of-an-agent'));
  expect(denied.map(({ tool, by, rule, status }) => [tool, by, rule, status])).toEqual([
    ['start of agent researcher', 'policy', 'breakers/fan-out', 'denied'],
  ]);
});

it('what somebody denied in a framework that knows no name was denied by a human', () => {
  const { approvals, denied } = actionsOf('billing-bot', linksOf('approvals-of-a-framework-without-a-name'));
  expect(approvals.map(({ decision, approver }) => [decision, approver])).toEqual([
    ['approved', ''],
    ['denied', ''],
  ]);
  expect(denied.map(({ tool, by, status }) => [tool, by, status])).toEqual([['research', 'a human', 'denied']]);
});
