import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ATTR, type WrittenLink } from '@agent-custody/chain';
import type { ApprovalRequirement } from '@agent-custody/policy';
import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import type { Answer, ProposedAction } from '../guard.js';

/** Where approvals are asked for. */
export interface ApprovalsOptions {
  /** Base URL of the collector, without a slash at its end. */
  readonly url: string;
  /** With the agent's ingest token, where there is one; never logged. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What is asked, beside the action itself. */
export interface Question {
  readonly rule: string;
  readonly reason: string | undefined;
  readonly requirement: ApprovalRequirement;
}

interface Reply {
  readonly state: 'pending' | 'approved' | 'denied' | 'expired';
  readonly arguments_digest: string;
  readonly decisions: readonly { readonly decision: 'approved' | 'denied'; readonly approver: string }[];
}

/** One long poll, s; the request itself may take a little longer. */
const POLL_SECONDS = 30;
const WITHDRAW_MS = 2_000;
const REQUEST_MS = (POLL_SECONDS + 10) * 1_000;
const LEAST_POLL_MS = 250;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/**
 * Asks the collector for a human's approval and waits for it: across restarts of the collector, until the request expires. What was
 * approved is claimed before it runs, so that one approval is one use. Never rejects; whatever goes wrong is a refusal.
 */
export async function askForApproval(
  options: ApprovalsOptions,
  action: ProposedAction,
  intent: WrittenLink,
  question: Question,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { expiresMs } = question.requirement;
  const expiry = AbortSignal.timeout(Math.min(expiresMs, 2 ** 31 - 1));
  const stop = signal ? AbortSignal.any([signal, expiry]) : expiry;
  const asking = new Asking(options, stop);
  const body = bodyOf(action, intent, question);
  // The application's own instrumentation of HTTP must not make spans of our waiting.
  const untraced = suppressTracing(context.active());
  try {
    return await context.with(untraced, () => asking.run(body, intent));
  } catch (error) {
    if (stop.aborted) context.with(untraced, () => asking.withdraw(body.id));
    if (expiry.aborted) return { go: false, reason: 'nobody approved it in time', approvals: [{ decision: 'expired' }] };
    if (signal?.aborted) return { go: false, reason: 'it was cancelled while it waited for an approval' };
    return { go: false, reason: error instanceof Refused ? error.message : 'the approval could not be asked for' };
  }
}

/** The collector says no, and would say so again. */
class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

class Asking {
  constructor(
    private readonly options: ApprovalsOptions,
    private readonly stop: AbortSignal,
  ) {}

  async run(body: { readonly id: string }, intent: WrittenLink): Promise<Answer> {
    let reply = await this.persistently('POST', '', body);
    for (let asked = performance.now(); reply.state === 'pending'; asked = performance.now()) {
      // A collector that lost what it was asked is asked again: the id makes it the same request.
      reply = await this.persistently('GET', `/${body.id}?wait=${POLL_SECONDS}`, undefined).catch((error: unknown) => {
        if (error instanceof Refused && error.status === 404) return this.persistently('POST', '', body);
        throw error;
      });
      // A collector that is about to stop answers at once, and so does a hop that does not wait.
      if (reply.state === 'pending' && performance.now() - asked < LEAST_POLL_MS)
        await sleep(LEAST_POLL_MS, undefined, { signal: this.stop });
    }
    if (reply.arguments_digest !== intent.attributes[ATTR.argumentsDigest])
      return { go: false, reason: 'the approval is for other arguments' };
    const approvals = reply.decisions.map(({ decision, approver }) => ({ decision, approver }));
    if (reply.state === 'denied') return { go: false, reason: 'a human denied it', approvals };
    if (reply.state === 'expired')
      return { go: false, reason: 'nobody approved it in time', approvals: [...approvals, { decision: 'expired' }] };
    // The chain has to say who approved: an approval without a name, or beside a denial, is none.
    if (reply.state !== 'approved' || approvals.length === 0 || approvals.some(({ decision }) => decision !== 'approved'))
      return { go: false, reason: 'the collector gave an answer that is none' };
    return this.use(body.id, approvals);
  }

  /** Nobody should think any more about what will not run. When that does not get there, the request expires by itself. */
  withdraw(id: string): void {
    this.send('POST', `/${id}/withdraw`, {}, AbortSignal.timeout(WITHDRAW_MS)).catch(() => undefined);
  }

  /** What humans said is on record, whatever becomes of it. */
  private async use(id: string, approvals: NonNullable<Answer['approvals']>): Promise<Answer> {
    try {
      const { state } = await this.persistently('POST', `/${id}/claim`, { claim: randomBytes(16).toString('hex') });
      return state === 'approved' ? { go: true, approvals } : { go: false, reason: 'its approval is not valid any more', approvals };
    } catch (error) {
      const reason = error instanceof Refused ? 'its approval was used before, or came too late' : 'its approval could not be used in time';
      return { go: false, reason, approvals };
    }
  }

  /** Again until it is answered: a collector that is being restarted is no answer. */
  private async persistently(method: string, path: string, body: unknown): Promise<Reply> {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        return await this.request(method, path, body);
      } catch (error) {
        if (error instanceof Refused) throw error;
        this.stop.throwIfAborted();
      }
      await sleep(wait, undefined, { signal: this.stop });
    }
  }

  private request(method: string, path: string, body: unknown): Promise<Reply> {
    return this.send(method, path, body, AbortSignal.any([this.stop, AbortSignal.timeout(REQUEST_MS)]));
  }

  private async send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Reply> {
    const { url, headers } = this.options;
    const response = await fetch(`${url}/api/v1/approvals${path}`, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal,
    });
    if (response.ok) return (await response.json()) as Reply;
    await response.body?.cancel();
    // 401 and 403 may be a token that is being replaced; they are no reason to run, and none to give up before the expiry.
    if (response.status >= 500 || [401, 403, 429].includes(response.status)) throw new Error(`status ${response.status}`);
    throw new Refused(`the collector refuses the approval (${response.status})`, response.status);
  }
}

/** UTF-16 code units of what a request may show; what is longer is decided about by its digest. */
const ARGUMENTS_LIMIT = 65_536;
const REASON_LIMIT = 16_384;

/** The collector shows what the intent discloses, and no more. */
function bodyOf(action: ProposedAction, intent: WrittenLink, { rule, reason, requirement }: Question) {
  const { attributes } = intent;
  const text = (key: string, most: number): string | undefined => {
    const value = attributes[key];
    return typeof value === 'string' && value.length <= most ? value : undefined;
  };
  const shown = text(ATTR.toolArguments, ARGUMENTS_LIMIT);
  const { approvers, count, selfApproval, expiresMs } = requirement;
  return {
    id: randomBytes(16).toString('hex'),
    session: action.session,
    seq: intent.seq,
    action: action.id,
    agent: action.agent,
    principal: action.principal || undefined,
    tool: action.tool.name,
    tool_type: action.tool.type || undefined,
    arguments_digest: action.argumentsDigest,
    arguments: shown,
    salt: shown === undefined ? undefined : text(ATTR.saltArguments, 64),
    reason: text(ATTR.reason, REASON_LIMIT),
    rule,
    message: reason,
    requirement: { ...(approvers && { approvers: [...approvers] }), count, self_approval: selfApproval, expires_ms: expiresMs },
  };
}
