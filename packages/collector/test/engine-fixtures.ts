import type { Finding, LinkStatus } from '@agent-custody/chain';
import { type Clock, createEngine, type Engine, type EngineMetrics, type EngineOptions, type Log } from '../src/engine/index.js';
import type { ForwardMetrics } from '../src/forward/index.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import type { Caller } from '../src/receive/types.js';
import { type StoredSpan, spansIn } from './stored-spans.js';

/** A clock that stands still until told. */
export class TestClock implements Clock {
  private ms = 1_000;

  now(): number {
    return 1_790_000_000_000 + this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  pass(ms: number): void {
    this.ms += ms;
  }
}

export class CountedMetrics implements EngineMetrics, ForwardMetrics {
  received = 0;
  duplicates = 0;
  sent = 0;
  readonly links: Record<string, number> = {};
  readonly findings: Record<string, number> = {};
  readonly failures: Record<string, number> = {};

  spansReceived(count: number): void {
    this.received += count;
  }

  link(kind: string, status: LinkStatus): void {
    increment(this.links, `${kind} ${status}`);
  }

  finding({ code }: Finding): void {
    increment(this.findings, code);
  }

  duplicate(): void {
    this.duplicates++;
  }

  forwarded(spans: number): void {
    this.sent += spans;
  }

  failed(reason: string): void {
    increment(this.failures, reason);
  }
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Keeps every line. */
export class KeptLog implements Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }
}

/** Every span in the outbox. */
export function outboxSpans(ledger: Ledger): StoredSpan[] {
  const head = ledger.outboxHead({ bytes: Number.MAX_SAFE_INTEGER, spans: Number.MAX_SAFE_INTEGER, after: 0 });
  return head.flatMap(({ request }) => spansIn(request));
}

export const ANYONE: Caller = { agents: 'all' };
export const ACCEPTED = { type: 'accepted', rejectedSpans: 0 };
/** The default limits. */
export const GRACE_MS = 30_000;
export const IDLE_MS = 900_000;

/** An engine on a ledger in memory, with a clock that the test moves. */
export class EngineBench {
  ledger = openSqliteLedger(':memory:');
  readonly clock = new TestClock();
  readonly metrics = new CountedMetrics();
  readonly log = new KeptLog();
  /** Times that the forwarder was told of something. */
  wakes = 0;
  engine = this.open();

  /** A new engine on the same ledger, as after a crash when the one before was not closed. */
  open(options: Partial<EngineOptions> = {}): Engine {
    const { ledger, log, metrics, clock } = this;
    return createEngine({ ledger, hashing: nodeHashing, log, metrics, clock, forwarder: { wake: () => void this.wakes++ }, ...options });
  }

  outbox(): StoredSpan[] {
    return outboxSpans(this.ledger);
  }

  /** The spans in the outbox whose names begin so. */
  named(prefix: string): StoredSpan[] {
    return this.outbox().filter((span) => span.name.startsWith(prefix));
  }

  /** The findings of a session, such as `gap@2 healed`. */
  codes(session: string): string[] {
    const findings = this.engine.report(session)?.findings ?? [];
    return findings.map(({ code, seq, healed }) => `${code}@${seq}${healed ? ' healed' : ''}`);
  }

  async close(): Promise<void> {
    await this.engine.close();
    this.ledger.close();
  }
}
