import { setTimeout as sleep } from 'node:timers/promises';
import { nodeHashing } from '../hashing.js';
import { LedgerError } from '../ledger/errors.js';
import type { LoadedSettings } from '../settings/index.js';
import { TempoClient } from '../tempo/client.js';
import { TEMPO_ATTRIBUTE_BYTES } from '../tempo/cut.js';
import { TempoError } from '../tempo/errors.js';
import { EvidenceError } from '../verify/collector-api.js';
import { CollectorEvidence } from '../verify/collector-evidence.js';
import type { Evidence } from '../verify/evidence.js';
import type { JudgeOptions } from '../verify/judge.js';
import { LedgerEvidence } from '../verify/ledger-evidence.js';
import { EXIT } from '../verify/status.js';
import { judgeTempo, type TempoJudgement, type TempoScope } from '../verify/tempo-source.js';
import { CommandError, UsageError } from './errors.js';
import { collectorAddress, durationMs, httpUrl } from './flags.js';
import { openToRead } from './ledger.js';
import { ProgressLine } from './progress.js';

/** What `verify --tempo` is told on the command line beside its settings. */
export interface TempoFlags {
  readonly tempo?: string;
  readonly session?: string;
  readonly since?: string;
  readonly org?: string;
  readonly collector?: string;
  readonly token?: string;
  readonly settle?: string;
  readonly maxAttributeBytes?: string;
  readonly timeout?: string;
  readonly ledger?: string;
  readonly atRest?: true;
}

const TEMPO_ONLY = ['since', 'org', 'collector', 'token', 'settle', 'maxAttributeBytes', 'timeout'] as const;

/** @throws UsageError for a flag that says something about Tempo where none is read */
export function refuseTempoFlags(flags: TempoFlags): void {
  const given = TEMPO_ONLY.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`verify: --${flag} goes with --tempo URL; what is read here is a ledger or a file`);
}

/** @throws UsageError, CommandError */
export async function judgeFromTempo(flags: TempoFlags, settings: LoadedSettings, options: JudgeOptions): Promise<TempoJudgement> {
  const url = httpUrl(flags.tempo, '--tempo', 'http://127.0.0.1:3200');
  if (flags.ledger !== undefined && flags.collector !== undefined)
    throw new UsageError('verify --tempo: --ledger and --collector exclude each other; name the one to compare Tempo with');
  const scope = scopeOf(flags, Date.now());
  const settleMs = secondsOf(flags.settle, '--settle', DEFAULT_SETTLE_SECONDS) * 1000;
  const attributeBytes = bytesOf(flags.maxAttributeBytes);
  const timeoutMs = secondsOf(flags.timeout, '--timeout', DEFAULT_TIMEOUT_SECONDS) * 1000;
  const tempo = new TempoClient({ url, org: flags.org, headers: settings.tempoQueryHeader }, { timeoutMs });
  const progress = new ProgressLine();
  const judge = (evidence: Evidence | undefined): Promise<TempoJudgement> =>
    judgeTempo(tempo, scope, {
      ...options,
      attributeBytes,
      settleMs,
      atRest: flags.atRest ?? false,
      evidence,
      now: Date.now,
      sleep: async (ms) => sleep(ms),
      progress: (text) => progress.show(text),
    });
  // Compared only where it is asked for: the ledger of CUSTODY_LEDGER is this machine's, and Tempo may hold another's sessions.
  const ledger = flags.ledger === undefined ? undefined : openToRead(flags.ledger);
  try {
    if (flags.collector !== undefined) return await judge(collectorEvidence(flags.collector, flags.token));
    return await judge(ledger && new LedgerEvidence(ledger, `the ledger ${flags.ledger}`));
  } catch (error) {
    if (error instanceof TempoError || error instanceof EvidenceError || error instanceof LedgerError)
      throw new CommandError(EXIT.incomplete, error.message, { cause: error });
    throw error;
  } finally {
    progress.clear();
    ledger?.close();
  }
}

/** Longer than search takes to see a new span by default (30 s on Tempo 3), and than the collector holds a link. */
const DEFAULT_SETTLE_SECONDS = 60;
const DEFAULT_TIMEOUT_SECONDS = 30;
const DAY_MS = 86_400_000;
/** As long as Tempo keeps a block by default. */
const KEPT_MS = 14 * DAY_MS;

function scopeOf({ session, since }: TempoFlags, nowMs: number): TempoScope {
  if (session !== undefined) return { type: 'session', session, sinceMs: nowMs - (since === undefined ? KEPT_MS : durationOf(since)) };
  return { type: 'since', sinceMs: nowMs - (since === undefined ? DAY_MS : durationOf(since)) };
}

function durationOf(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new UsageError('--since: expected a duration such as 90m, 24h or 7d');
  return ms;
}

function secondsOf(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (seconds >= 0 && seconds <= 86_400) return seconds;
  throw new UsageError(`${flag}: expected a number of seconds up to 86400, such as ${otherwise}`);
}

function bytesOf(text: string | undefined): number {
  if (text === undefined) return TEMPO_ATTRIBUTE_BYTES;
  const bytes = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (bytes >= 16) return bytes;
  throw new UsageError('--max-attribute-bytes: expected the bytes that Tempo keeps of a value (its max_attribute_bytes), such as 2048');
}

function collectorEvidence(url: string, token: string | undefined): Evidence {
  return new CollectorEvidence(collectorAddress(url, token), { hashing: nodeHashing, now: Date.now });
}
