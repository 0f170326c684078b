// A collector that forwards to the stand-in for Tempo, and what it sent.

import { join } from 'node:path';
import { ATTR, type WrittenLink } from '@agent-custody/chain';
import { afterEach, expect, vi } from 'vitest';
import type { Collector, CollectorOptions } from '../src/service.js';
import { metrics, newFolder, start } from './service-support.js';
import { bodyOf, recordOf } from './sessions.js';
import { TempoStandIn } from './tempo-stand-in.js';

const running: TempoStandIn[] = [];
afterEach(async () => {
  for (const tempo of running.splice(0)) await tempo.close();
});

export interface Tempo {
  readonly tempo: TempoStandIn;
  /** Of its OTLP receiver, and of its query API. */
  readonly ingest: string;
  readonly query: string;
}

export async function startTempo(): Promise<Tempo> {
  const tempo = new TempoStandIn();
  running.push(tempo);
  const query = await tempo.listenForQueries();
  return { tempo, query, ingest: await tempo.listen() };
}

export const newLedger = (): string => join(newFolder(), 'ledger.db');

export async function startForwarding({ ingest }: Tempo, ledger: string, options: Partial<CollectorOptions> = {}): Promise<Collector> {
  return start({ ledger, forwarding: { url: ingest, headers: {} }, ...options });
}

/** Posts links to an OTLP receiver, a collector's or Tempo's own. */
export async function post(url: string, links: readonly WrittenLink[]): Promise<void> {
  const response = await fetch(url.endsWith('/v1/traces') ? url : `${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(bodyOf(links.map(recordOf))),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

/** Resolves once Tempo was sent all of these links. */
export async function arrived({ tempo }: Tempo, links: readonly WrittenLink[]): Promise<void> {
  await tempo.until(() => links.every(({ spanId }) => tempo.stored.some((span) => span.spanId === spanId)));
}

/** Resolves once Tempo was sent all of these links and the collector has it on disk that it was. */
export async function delivered(tempo: Tempo, collector: Collector, links: readonly WrittenLink[]): Promise<void> {
  await arrived(tempo, links);
  await vi.waitFor(async () => expect(await metrics(collector)).toMatchObject({ custody_outbox_spans: 0 }));
}

export const sessionIdOf = (links: readonly WrittenLink[]): string => links[0]?.session ?? '';

/** The spans of one place of a session. */
export const at =
  (session: string, seq: number) =>
  (attributes: ReadonlyMap<string, string | number>): boolean =>
    attributes.get(ATTR.sessionId) === session && attributes.get(ATTR.seq) === seq;

export const ofSession =
  (session: string) =>
  (attributes: ReadonlyMap<string, string | number>): boolean =>
    attributes.get(ATTR.sessionId) === session && attributes.has(ATTR.seq);
