import type { Finding, Severity } from '@agent-custody/chain';
import type { Log, Notices } from '../engine/types.js';
import type { Ledger, SessionRow } from '../ledger/ledger.js';
import { NoticeDrain } from './drain.js';
import { LOG_SINK, LogFileSink } from './log-file.js';
import type { NoticeMetrics, WaitingNotices } from './metrics.js';
import { isAtLeast, noticeOf, webhookBody } from './notice.js';
import { WEBHOOK_SINK, type WebhookOptions, WebhookSink } from './webhook.js';

/** Who is told of findings, beside Tempo, the metrics and the API. */
export interface FindingsOptions {
  readonly webhook?: (WebhookOptions & { /** Default `high`. */ readonly severity?: Severity | undefined }) | undefined;
  /** A file that gets every finding as a line of JSON. */
  readonly logFile?: string | undefined;
  /** Where people reach Grafana: notices then hold a link to the span. */
  readonly grafanaUrl?: string | undefined;
  readonly retry?: { readonly firstMs: number; readonly longestMs: number } | undefined;
}

/** Tells others of findings; see {@link Notices} for how it gets them. */
export interface Notifier extends Notices {
  /** The findings log was moved away: from now on lines go to a new file of its name. */
  reopen(): void;
  /** What each of them has still to be told. */
  waiting(): readonly WaitingNotices[];
  close(timeoutMs: number): Promise<void>;
}

/**
 * Starts telling: first what an earlier run left.
 *
 * @returns undefined when nobody is to be told
 * @example const notifier = createNotifier({ ledger, log, metrics, findings: { logFile: 'findings.jsonl' } });
 */
export function createNotifier(parts: {
  readonly ledger: Ledger;
  readonly log: Log;
  readonly metrics: NoticeMetrics;
  readonly findings: FindingsOptions;
}): Notifier | undefined {
  const { webhook, logFile } = parts.findings;
  if (webhook === undefined && logFile === undefined) return undefined;
  const notifier = new LedgerNotifier(parts);
  notifier.start();
  return notifier;
}

class LedgerNotifier implements Notifier {
  private readonly drains: readonly NoticeDrain[];
  private readonly logFile: LogFileSink | undefined;
  private overflowing = false;

  constructor(private readonly parts: Parameters<typeof createNotifier>[0]) {
    const { ledger, log, metrics, findings } = parts;
    const { webhook, logFile, retry } = findings;
    this.logFile = logFile === undefined ? undefined : new LogFileSink(logFile);
    const sinks = [...(webhook === undefined ? [] : [new WebhookSink(webhook)]), ...(this.logFile === undefined ? [] : [this.logFile])];
    this.drains = sinks.map((sink) => new NoticeDrain({ ledger, sink, log, metrics, retry }));
  }

  start(): void {
    for (const drain of this.drains) drain.start();
  }

  note(finding: Finding, session: SessionRow | undefined, atMs: number): void {
    const { webhook, logFile, grafanaUrl } = this.parts.findings;
    const posted = webhook !== undefined && isAtLeast(finding.severity, webhook.severity ?? 'high');
    if (!posted && logFile === undefined) return;
    const notice = noticeOf(finding, session, atMs, grafanaUrl);
    if (posted) this.add(WEBHOOK_SINK, notice.id, webhookBody(notice));
    if (logFile !== undefined) this.add(LOG_SINK, notice.id, JSON.stringify(notice));
  }

  wake(): void {
    for (const drain of this.drains) drain.wake();
  }

  reopen(): void {
    this.logFile?.reopen();
    for (const drain of this.drains) drain.hurry();
  }

  waiting(): readonly WaitingNotices[] {
    return this.drains.map((drain) => drain.waiting());
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all(this.drains.map((drain) => drain.close(timeoutMs)));
  }

  private add(sink: string, key: string, body: string): void {
    const { ledger, log, metrics } = this.parts;
    const dropped = ledger.addNotice({ sink, key, body });
    if (dropped > 0) metrics.noticeFailed(sink, 'overflow', dropped);
    if (dropped > 0 && !this.overflowing) {
      log.error({ sink }, 'too many findings wait to be told: the oldest are passed over; the ledger and the API have them');
    }
    this.overflowing = dropped > 0;
  }
}
