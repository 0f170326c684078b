// A collector in this process, and how to ask it.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import { type Collector, type CollectorOptions, startCollector } from '../src/service.js';

export const silent = pino({ level: 'silent' });
const running: Collector[] = [];
afterEach(async () => {
  for (const collector of running.splice(0)) await collector.close();
});

export const newFolder = () => mkdtempSync(join(tmpdir(), 'custody-service-'));

export async function start(options: Partial<CollectorOptions> = {}): Promise<Collector> {
  const collector = await startCollector({ listen: { host: '127.0.0.1', port: 0 }, ledger: ':memory:', log: silent, ...options });
  running.push(collector);
  return collector;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON. */
  readonly body: unknown;
}

export async function get(collector: Collector, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(collector.url + path, init);
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

export async function metrics(collector: Collector): Promise<Record<string, number>> {
  const { body } = await get(collector, '/metrics');
  const lines = String(body)
    .split('\n')
    .filter((line) => line.startsWith('custody_'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}
