// A collector with a session that waits for an approval, as the console shows it.

import { randomBytes } from 'node:crypto';
import { ATTR, ChainWriter, commitment, type Place, type WrittenLink } from '@agent-custody/chain';
import { encodeRequest } from '@agent-custody/chain/otlp';
import { nodeHashing } from '../src/hashing.js';
import type { Collector } from '../src/service.js';
import { newId, recordOf } from './sessions.js';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** What an agent could put into an argument to reach whoever approves it. */
export const HOSTILE = '</pre><script>document.title="owned"</script><img src=x onerror=alert(1)>\u001b[2J\u202Egnp.exe';

export interface Waiting {
  readonly id: string;
  readonly session: string;
  readonly digest: string;
  /** Ends the session: the action ran. */
  readonly rest: readonly WrittenLink[];
}

/** Records a session up to an intent that needs an approval, and asks for it. */
export async function waiting(collector: Collector, changes: object = {}): Promise<Waiting> {
  const session = newId(16);
  const traceId = newId(16);
  const place = (): Place => ({ traceId, spanId: newId(8), now: BigInt(Date.now()) * 1_000_000n });
  const writer = new ChainWriter({ session, agent: { id: 'billing-bot', name: 'Billing bot' }, hashing: nodeHashing });
  const part = (name: string): string => nodeHashing.sha256(name);
  const [salt, reasonSalt] = [hex(32), hex(32)];
  const text = JSON.stringify({ amount: 900, note: HOSTILE });
  const digest = commitment('arguments', text, salt, nodeHashing);
  const reason = `The invoice is due. ${HOSTILE}`;
  const tool = { name: 'pay', type: 'function', callId: 'call_1' };
  const links = [
    writer.start(
      { components: { system_prompt: part('s'), tools: part('t'), memory: part('m') }, principal: 'alice@example.com' },
      place(),
    ),
    writer.intent(
      {
        actionId: 'a1',
        tool,
        argumentsDigest: digest,
        argumentsEncoding: 'json',
        reasonDigest: commitment('reason', JSON.stringify(reason), reasonSalt, nodeHashing),
        reasonSource: 'text',
        decision: 'require_approval',
        rule: 'large-payments',
        content: { [ATTR.toolArguments]: text, [ATTR.saltArguments]: salt, [ATTR.reason]: reason, [ATTR.saltReason]: reasonSalt },
      },
      place(),
    ),
  ];
  await send(collector, links);
  const request = {
    id: newId(16),
    session,
    seq: 2,
    action: 'a1',
    agent: 'billing-bot',
    principal: 'alice@example.com',
    tool: 'pay',
    arguments_digest: digest,
    arguments: text,
    salt,
    reason,
    rule: 'large-payments',
    message: 'payments over 500 need a second pair of eyes',
    requirement: { expires_ms: 600_000 },
    ...changes,
  };
  const response = await fetch(`${collector.url}/api/v1/approvals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (response.status !== 201) throw new Error(`asking was answered ${response.status}: ${await response.text()}`);
  const rest = [
    writer.approval({ actionId: 'a1', approvalId: 'p1', decision: 'approved', approver: 'local', argumentsDigest: digest }, place()),
    writer.outcome({ actionId: 'a1', tool, status: 'ok' }, place()),
    writer.end('completed', place()),
  ];
  return { id: request.id, session, digest, rest };
}

export async function send(collector: Collector, links: readonly WrittenLink[]): Promise<void> {
  const response = await fetch(`${collector.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(encodeRequest(links.map(recordOf), {}, { name: 'test', version: '1' })),
  });
  if (response.status !== 200) throw new Error(`the collector answered ${response.status}`);
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly location: string;
}

/** A browser without JavaScript: keeps its cookies, follows no redirect by itself. */
export class Browser {
  readonly cookies = new Map<string, string>();

  constructor(private readonly collector: Collector) {}

  async open(path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}): Promise<Reply> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { ...(cookie !== '' && { cookie }), ...init.headers };
    const response = await fetch(this.collector.url + path, { ...init, headers, redirect: 'manual' });
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=');
      this.cookies.set(name, value);
    }
    return {
      status: response.status,
      text: await response.text(),
      headers: response.headers,
      location: response.headers.get('location') ?? '',
    };
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> {
    return this.open(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(form).toString(),
    });
  }

  async signIn(token: string): Promise<Reply> {
    const { text } = await this.open('/console/login');
    return this.post('/console/login', { token, form: field(text, 'form') });
  }
}

/** The value of a form's hidden field. */
export const field = (html: string, name: string): string => new RegExp(`name="${name}" value="([^"]+)"`).exec(html)?.[1] ?? '';
