import type { OidcSettings } from '../console/oidc.js';
import type { Log } from '../engine/types.js';
import type { Ledger } from '../ledger/ledger.js';
import { NoticeDrain } from '../notify/drain.js';
import type { NoticeMetrics, WaitingNotices } from '../notify/metrics.js';
import { type WebhookOptions, WebhookSink } from '../notify/webhook.js';
import { Approvals, type ApprovalsOptions } from './approvals.js';
import type { Approval } from './model.js';
import { APPROVALS_SINK, type NoticeFormat, noticeOf } from './notices.js';

/** How people hear of requests for approval. */
export interface ApprovalsWebhook extends WebhookOptions {
  readonly format: NoticeFormat;
}

/** What an operator sets. */
export interface ApprovalSettings {
  readonly approverTokens: readonly { readonly sha256: string; readonly name: string }[];
  readonly webhook?: ApprovalsWebhook | undefined;
  /** `whsec_…` of the service that answers for approvers; several while one is being replaced. */
  readonly callbackSecrets: readonly string[];
  /** Approvers who sign in at an OpenID provider. */
  readonly oidc?: OidcSettings | undefined;
  /** Without a slash at its end. */
  readonly publicUrl?: string | undefined;
  /** How long a request may wait before it is worth an alert, ms (default 900 000). */
  readonly waitMs?: number | undefined;
}

export interface OpenApprovals {
  readonly approvals: Approvals;
  /** What the webhook has still to be told, where there is one. */
  waiting(): readonly WaitingNotices[];
  /** Lets the notice that is under way finish; the rest stays in the ledger for the next start. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Opens the approvals of a ledger, and tells the webhook of every change: from the ledger, in order, at least once.
 *
 * @param publicUrl where people reach the collector
 */
export function openApprovals(parts: {
  readonly ledger: Ledger;
  readonly log: Log;
  readonly metrics: ApprovalsOptions['metrics'] & NoticeMetrics;
  readonly agreement: ApprovalsOptions['agreement'];
  readonly webhook: ApprovalsWebhook | undefined;
  readonly publicUrl: () => string;
}): OpenApprovals {
  const { ledger, log, metrics, agreement, webhook, publicUrl } = parts;
  if (webhook === undefined)
    return {
      approvals: new Approvals({ store: ledger.approvals, now: Date.now, metrics, log, agreement }),
      waiting: () => [],
      close: () => Promise.resolve(),
    };
  const drain = new NoticeDrain({ ledger, log, metrics, sink: new WebhookSink(webhook, APPROVALS_SINK) });
  const note = (approval: Approval): void => {
    const dropped = ledger.addNotice(noticeOf(approval, webhook.format, publicUrl(), Date.now()));
    if (dropped > 0) metrics.noticeFailed(APPROVALS_SINK, 'overflow', dropped);
  };
  const approvals = new Approvals({ store: ledger.approvals, now: Date.now, metrics, log, agreement, note });
  approvals.onChange(() => drain.wake());
  drain.start();
  return { approvals, waiting: () => [drain.waiting()], close: (timeoutMs) => drain.close(timeoutMs) };
}
