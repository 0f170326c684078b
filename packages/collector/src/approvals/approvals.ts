import { EventEmitter, once } from 'node:events';
import { commitment } from '@agent-custody/chain';
import type { Log } from '../engine/types.js';
import { nodeHashing } from '../hashing.js';
import type { Agreement } from './agreement.js';
import { ApprovalError, type ApprovalErrorCode } from './error.js';
import type { Approval, ApprovalRequest, ApprovalState, Decision } from './model.js';
import { judgeClaim, judgeDecision, stateAt } from './rules.js';
import type { ApprovalStore } from './store.js';

export interface ApprovalMetrics {
  approvalRequested(): void;
  approvalDecided(decision: 'approved' | 'denied'): void;
  approvalRefused(code: ApprovalErrorCode): void;
}

export interface ApprovalsOptions {
  readonly store: ApprovalStore;
  /** Told of each change inside the transaction that records it: what it writes to the ledger is as durable as the change. */
  readonly note?: ((approval: Approval) => void) | undefined;
  /** Unix ms. */
  readonly now: () => number;
  /** Every refusal is counted by its code: forgeries and replays are worth an alert. */
  readonly metrics: ApprovalMetrics;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** How a request goes with what is on record of its session. Absent: nothing is. */
  readonly agreement?: ((request: ApprovalRequest) => Agreement) | undefined;
}

/** How long one long poll waits at most, ms: under what proxies allow. */
const LONGEST_POLL_MS = 60_000;
/** Requests that may be pending at one time: an agent that runs wild must neither fill the ledger nor crowd out the others. */
const MAX_PENDING = 1_000;
const MAX_PENDING_OF_AGENT = 100;
/** Long polls at one time; beyond it they are answered at once, and the agent asks again after a pause. */
const MAX_POLLS = 1_000;
/** For longer than a signature is good for (5 minutes either way). */
const REMEMBER_MS = 3_600_000;

/**
 * Requests for approval, from the asking to the use: durable at each step, so that neither a restart of the collector nor one of the
 * agent loses or doubles an answer.
 */
export class Approvals {
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private readonly stopping = new AbortController();
  private polls = 0;

  constructor(private readonly options: ApprovalsOptions) {}

  /**
   * Takes a request; the same one again is answered as the first was.
   *
   * @throws ApprovalError `conflict`, `digest_mismatch`, `too_many`
   */
  request(request: ApprovalRequest): Approval {
    const { store, now, metrics } = this.options;
    const known = store.approval(request.id) ?? store.ofIntent(request.session, request.seq);
    if (known) {
      if (JSON.stringify(known.request) === JSON.stringify(request)) return this.asOfNow(known);
      throw this.refusal('conflict', 'another request has this id, or this session and seq: one action asks once');
    }
    const { arguments: shown, salt } = request;
    if (shown !== undefined && salt !== undefined && commitment('arguments', shown, salt, nodeHashing) !== request.arguments_digest)
      throw this.refusal('digest_mismatch', 'arguments do not match arguments_digest under the salt: nobody can be shown what will run');
    if (store.pendingCount() >= MAX_PENDING)
      throw this.refusal('too_many', `${MAX_PENDING} requests are pending: decide or let some expire first`);
    if (store.pendingCount(request.agent) >= MAX_PENDING_OF_AGENT)
      throw this.refusal('too_many', `${MAX_PENDING_OF_AGENT} requests of this agent are pending: decide or let some expire first`);
    const requestedAtMs = now();
    const expiresAtMs = requestedAtMs + request.requirement.expires_ms;
    const approval: Approval = { request, requestedAtMs, expiresAtMs, decisions: [], state: 'pending', claim: undefined };
    this.save(approval);
    metrics.approvalRequested();
    this.changed(approval);
    return approval;
  }

  /** As of now. @throws ApprovalError `unknown` */
  get(id: string): Approval {
    const approval = this.options.store.approval(id);
    if (approval === undefined) throw new ApprovalError('unknown', `there is no request for approval '${id}'`);
    return this.asOfNow(approval);
  }

  /** Oldest first, at most so many. */
  pending(limit = MAX_PENDING): readonly Approval[] {
    return this.options.store
      .pendingApprovals(limit)
      .map((approval) => this.asOfNow(approval))
      .filter(({ state }) => state === 'pending');
  }

  /** How long the oldest of them has waited, ms; 0 when none does. */
  oldestWaitMs(): number {
    const [oldest] = this.options.store.pendingApprovals(1);
    return oldest === undefined ? 0 : Math.max(0, this.options.now() - oldest.requestedAtMs);
  }

  /**
   * Takes a human's decision in. The same person may decide once; a denial is final.
   *
   * @param shownDigest of the arguments that were shown to the approver
   * @param message id of the signed message that brought it: heard once
   * @throws ApprovalError with the rule's code, `unknown`, `replay`
   */
  decide(id: string, decision: Omit<Decision, 'atMs'>, shownDigest: string, message?: string): Approval {
    const { store, now, metrics, log } = this.options;
    const agreement = this.agreement(this.get(id).request);
    const approval = store.atomically(() => {
      if (message !== undefined && !store.noteMessage(message, now(), now() - REMEMBER_MS))
        throw this.refusal('replay', 'this message was heard before');
      const judged = judgeDecision(this.get(id), { ...decision, atMs: now() }, shownDigest, agreement);
      if (judged.type === 'refused') throw this.refusal(judged.code, judged.message);
      store.saveApproval(judged.approval);
      this.options.note?.(judged.approval);
      return judged.approval;
    });
    metrics.approvalDecided(decision.decision);
    const { decision: made, approver, way } = decision;
    log.info({ approval: id, decision: made, approver, way, state: approval.state }, 'request for approval decided');
    this.changed(approval);
    return approval;
  }

  /** Whether what is asked about is what is on record. */
  agreement(request: ApprovalRequest): Agreement {
    return this.options.agreement?.(request) ?? 'not_yet';
  }

  /** Why no decision of this person would be taken now; undefined when one would. */
  objection(approval: Approval, approver: string): string | undefined {
    const decision = { decision: 'denied', approver, way: 'console', comment: '', atMs: this.options.now() } as const;
    const judged = judgeDecision(approval, decision, approval.request.arguments_digest, this.agreement(approval.request));
    return judged.type === 'refused' ? judged.message : undefined;
  }

  /** The action is about to run. @throws ApprovalError with the rule's code */
  claim(id: string, claim: string): Approval {
    const judged = judgeClaim(this.get(id), claim, this.options.now());
    if (judged.type === 'refused') throw this.refusal(judged.code, judged.message);
    this.options.store.saveApproval(judged.approval);
    this.changed(judged.approval);
    return judged.approval;
  }

  /** The agent does not wait any more: what was not used is expired now. Again, or too late, it changes nothing. */
  withdraw(id: string): Approval {
    const approval = this.get(id);
    const open = approval.state === 'pending' || (approval.state === 'approved' && approval.claim === undefined);
    if (!open) return approval;
    const withdrawn: Approval = { ...approval, state: 'expired', expiresAtMs: Math.min(approval.expiresAtMs, this.options.now()) };
    this.save(withdrawn);
    this.changed(withdrawn);
    return withdrawn;
  }

  /** What nobody decided, or used, in time is expired: for good. */
  sweep(): void {
    for (const approval of this.options.store.overdueApprovals(this.options.now())) {
      const now = this.asOfNow(approval);
      if (now.state === 'pending') continue;
      this.save(now);
      this.changed(now);
    }
  }

  /** Waits until the request is no longer pending, at most so long: what an agent's long poll answers. */
  async settled(id: string, waitMs: number, signal: AbortSignal): Promise<Approval> {
    const approval = this.get(id);
    const left = Math.min(waitMs, LONGEST_POLL_MS, approval.expiresAtMs - this.options.now());
    if (approval.state !== 'pending' || left <= 0 || this.polls >= MAX_POLLS) return this.get(id);
    const enough = AbortSignal.any([signal, this.stopping.signal, AbortSignal.timeout(left)]);
    this.polls++;
    try {
      while (!enough.aborted && this.get(id).state === 'pending') await once(this.changes, id, { signal: enough }).catch(() => undefined);
    } finally {
      this.polls--;
    }
    return this.get(id);
  }

  /** Answers whoever waits at once: the collector is about to stop, and its next start is asked again. */
  stop(): void {
    this.stopping.abort();
  }

  /** Calls back at every request and every decision, until the answer is called. */
  onChange(listener: (approval: Approval) => void): () => void {
    this.changes.on('change', listener);
    return () => this.changes.off('change', listener);
  }

  /** Counts a refusal, also one that was found elsewhere: a forged signature, a stranger. */
  refusal(code: ApprovalErrorCode, message: string): ApprovalError {
    const { metrics, log } = this.options;
    metrics.approvalRefused(code);
    log.warn({ reason: code }, `approval refused: ${message}`);
    return new ApprovalError(code, message);
  }

  private save(approval: Approval): void {
    this.options.store.atomically(() => {
      this.options.store.saveApproval(approval);
      this.options.note?.(approval);
    });
  }

  private asOfNow(approval: Approval): Approval {
    const state: ApprovalState = stateAt(approval, this.options.now());
    return state === approval.state ? approval : { ...approval, state };
  }

  private changed(approval: Approval): void {
    this.changes.emit(approval.request.id);
    this.changes.emit('change', approval);
  }
}
