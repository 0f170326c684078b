import { randomBytes } from 'node:crypto';
import { ATTR, type AttributeValue, ChainWriter, fingerprintDigest, type Place, type WrittenLink } from '@agent-custody/chain';
import { nodeHashing } from '../src/hashing.js';

const digest = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
export const COMPONENTS = {
  system_prompt: digest('system_prompt', 'You reconcile invoices.'),
  tools: digest('tools', [{ name: 'send_email', description: '', parameters: {} }]),
  memory: digest('memory', []),
};
export const CHANGED_TOOLS = digest('tools', [{ name: 'wire_money', description: '', parameters: {} }]);

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

export interface SessionShape {
  readonly agent?: string;
  readonly actions?: number;
  readonly end?: boolean;
  /** Policy denies each action, and it runs all the same. */
  readonly runDenied?: boolean;
  /** The tools change after the first action. */
  readonly change?: boolean;
}

/** The links of one session of an agent that sends e-mails. */
export function recordSession({
  agent = 'billing-bot',
  actions = 2,
  end = true,
  runDenied = false,
  change = false,
}: SessionShape = {}): WrittenLink[] {
  const writer = new ChainWriter({ session: hex(16), agent: { id: agent, name: agent }, hashing: nodeHashing });
  const traceId = hex(16);
  const place = (): Place => ({ traceId, spanId: hex(8), now: BigInt(Date.now()) * 1_000_000n });
  const links = [writer.start({ components: COMPONENTS, principal: 'alice@example.com' }, place())];
  const tool = { name: 'send_email' };
  for (let action = 1; action <= actions; action++) {
    const actionId = `act_${action}`;
    links.push(
      writer.intent(
        {
          actionId,
          tool,
          argumentsDigest: digest('x', action),
          argumentsEncoding: 'json',
          reasonDigest: digest('x', null),
          reasonSource: 'none',
          decision: runDenied ? 'deny' : 'allow',
          rule: 'none',
        },
        place(),
      ),
      writer.outcome({ actionId, tool, status: 'ok' }, place()),
    );
    const changed = change && action === 1 ? writer.change({ tools: CHANGED_TOOLS }, place()) : undefined;
    if (changed) links.push(changed);
  }
  if (end) links.push(writer.end('completed', place()));
  return links;
}

/** One OTLP/JSON request with these links, a span each. */
export function requestOf(links: readonly WrittenLink[]): unknown {
  const spans = links.map((link) => ({
    traceId: link.traceId,
    spanId: link.spanId,
    name: link.kind,
    kind: 1,
    startTimeUnixNano: link.time,
    endTimeUnixNano: link.time,
    attributes: Object.entries(link.attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
  }));
  return { resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: 'test' }, spans }] }] };
}

function anyValue(value: AttributeValue): unknown {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: value };
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

/** The same link with another tool name, its hash left as it was: what an edit in a store looks like. */
export function edited(link: WrittenLink): WrittenLink {
  return { ...link, attributes: { ...link.attributes, [ATTR.toolName]: 'wire_money' } };
}

/** Posts links to a collector as OTLP/JSON and waits until they are durable. */
export async function send(url: string, links: readonly WrittenLink[], headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(requestOf(links)),
  });
}
