import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttributeValue } from '@agent-custody/chain';
import { encodeRequest } from '@agent-custody/chain/otlp';
import type { StoredSpan } from '../packages/collector/test/stored-spans.js';
import { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';
import { type Running, startCollector } from './processes.js';

/** A span to post: a link, or what claims to be one. */
export interface Posted {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface ApiFinding {
  readonly session: string;
  readonly code: string;
  readonly severity: string;
  readonly seq: number;
  readonly detail: string;
  readonly healed: boolean;
  readonly trace_id: string;
  readonly span_id: string;
}
export interface ApiSession {
  readonly session: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly authority: string;
  readonly links: number;
  readonly findings: readonly ApiFinding[];
}

/** A collector under attack: a process of its own, Tempo behind it, and all that its operators have to look at. */
export class Victim {
  readonly folder = mkdtempSync(join(tmpdir(), 'custody-attacks-'));
  readonly tempo = new TempoStandIn();
  url = '';
  process: Running | undefined;

  async start(...args: readonly string[]): Promise<void> {
    const listen = ['--listen', '127.0.0.1:0', '--gap-grace', '1', '--session-idle', '2'];
    const started = await startCollector([
      '--ledger',
      join(this.folder, 'ledger.db'),
      '--tempo',
      await this.tempo.listen(),
      ...listen,
      ...args,
    ]);
    this.process = started.process;
    this.url = started.url;
  }

  async stop(): Promise<void> {
    await this.process?.kill('SIGKILL');
    await this.tempo.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  post(
    spans: readonly Posted[],
    resource: Readonly<Record<string, string>> = { 'service.name': 'agent' },
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const records = spans.map((span) => ({ ...span, parentSpanId: '', name: 'posted', startNs: 1n, endNs: 2n }));
    return this.postBytes(encodeRequest(records, resource, { name: 'attack' }), headers);
  }

  postBytes(body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', ...headers },
      body: new Uint8Array(body),
    });
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  async findings(): Promise<ApiFinding[]> {
    return (await this.get<{ findings: ApiFinding[] }>('/api/v1/findings?limit=1000')).findings;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  /** Spans that the collector itself has written about findings. */
  findingSpans(): StoredSpan[] {
    return this.tempo.stored.filter((span) => span.attributes['custody.finding.code'] !== undefined);
  }

  /** Resolves once Tempo shows this finding. */
  shows(code: string, session: string): Promise<void> {
    return this.tempo.until(() =>
      this.findingSpans().some(
        ({ attributes }) => attributes['custody.finding.code'] === code && attributes['custody.finding.session.id'] === session,
      ),
    );
  }
}
