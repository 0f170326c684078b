import { type Components, type IntentDetails, toCanonical, type WrittenLink } from '@agent-custody/chain';
import { type Context, context } from '@opentelemetry/api';
import { withParent } from './baggage.js';
import { type Captured, captureReason, captureValue, type Text } from './capture.js';
import { guarded } from './errors.js';
import { errorType, statusOfError } from './failure.js';
import { type Frame, state } from './global.js';
import type { Session } from './lifecycle.js';
import { type Observer, observe, type Stop } from './observe.js';
import { newSpanId } from './random.js';
import { liveSession } from './session.js';
import { activeOrSession, type LinkSpan, startLinkSpan, within } from './spans.js';
import type { ActionCall, ActionStatus } from './types.js';

/** A stream's values are committed to as one array; past this many characters only their being yielded is known. */
const STREAM_LIMIT = 1024 * 1024;
/** What one that ran can end with; anything else, from an application without types, would make the outcome malformed. */
const STATUSES: ReadonlySet<ActionStatus> = new Set(['ok', 'error', 'timeout', 'cancelled']);

/**
 * Records intent, runs, records outcome. The intent is on the evidence channel before `execute` is called. Result, error and `this`
 * are the application's own: what is synchronous stays so, promises stay promises, streams stay streams. When recording fails the
 * call runs all the same.
 *
 * @example await runAction({ tool: { name: 'send_email', callId }, arguments: input }, () => sendEmail(input))
 */
export function runAction<T>(call: ActionCall<T>, execute: () => T): T {
  const action = guarded('recording an intent', () => begin(call));
  if (action === undefined) return execute();
  let result: T;
  try {
    result = action.within(execute);
  } catch (error) {
    action.error(error);
    throw error;
  }
  return observe(result, action, state().configuration.idleMs);
}

function begin<T>(call: ActionCall<T>): Action | undefined {
  const frame = state().frames.getStore();
  for (let outer = frame; call.dedupe !== undefined && outer; outer = outer.parent) {
    if (outer.action?.call.dedupe === call.dedupe) return undefined;
  }
  return new Action(call as ActionCall<unknown>, liveSession(call.session), frame);
}

/** One tool call under way, from its intent to its outcome. */
export class Action implements Observer {
  /** `custody.action.id`: ours, since frameworks repeat their call ids in retries. */
  readonly id = newSpanId();
  readonly call: ActionCall<unknown>;
  private readonly session: Session;
  private readonly span: LinkSpan;
  private readonly context: Context;
  private readonly frame: Frame;
  private finished = false;
  private readonly yields: string[] = [];
  private yieldedLength = 0;

  /** Appends the intent. Arguments are captured here: what the tool does to them later is of no matter. */
  constructor(call: ActionCall<unknown>, session: Session, outer: Frame | undefined) {
    this.call = call;
    this.session = session;
    const parent = activeOrSession(outer, session.context);
    const { name } = call.tool;
    session.enter(this);
    try {
      this.span = startLinkSpan(`execute_tool ${name}`, parent);
      const own = within(this.span, parent);
      const intent = this.announce(own, outer);
      this.context = intent ? withParent(own, intent) : own;
      this.frame = { session, action: this, parent: outer, context: this.context };
    } catch (error) {
      session.leave(this);
      throw error;
    }
  }

  within<R>(step: () => R): R {
    return context.with(this.context, () => state().frames.run(this.frame, step));
  }

  value(value: unknown): void {
    const stated = guarded('reading a status', () => this.call.statusOf?.(value));
    const status = stated !== undefined && STATUSES.has(stated) ? stated : 'ok';
    const result = value === undefined ? undefined : guarded('capturing a result', () => this.captured(toCanonical(value)));
    this.finish(status, { result, errorType: status === 'error' ? 'tool_error' : undefined });
  }

  error(error: unknown): void {
    this.finish(statusOfError(error, this.call.signal), { errorType: errorType(error) });
  }

  yielded(value: unknown): void {
    if (this.yieldedLength > STREAM_LIMIT) return;
    const { text } = toCanonical(value);
    this.yieldedLength += text.length + 1;
    this.yields.push(text);
  }

  stopped(how: Stop): void {
    const whole = this.yieldedLength <= STREAM_LIMIT;
    const result = whole
      ? guarded('capturing a result', () => this.captured({ text: `[${this.yields.join(',')}]`, encoding: 'json' }))
      : undefined;
    this.finish(how === 'exhausted' ? 'ok' : 'cancelled', { result }, how === 'unread');
  }

  /** The session ends while this is under way: `cancelled`, whatever it does from now on. */
  abandon(): void {
    this.finish('cancelled', {});
  }

  private announce(own: Context, outer: Frame | undefined): WrittenLink | undefined {
    const { tool, arguments: input, redact } = this.call;
    const asked = this.session.askedFor(tool.callId);
    const reason = this.call.reason ?? asked.reason;
    const given = reason && reason.text !== '' && reason.source !== 'none' ? reason : undefined;
    const args = captureValue('arguments', toCanonical(input), tool.name, redact);
    const why = captureReason(given?.text, tool.name, redact);
    const within = outer?.session === this.session ? outer.action?.id : undefined;
    const intent = this.session.recorder.record(startLinkSpan(`intent ${tool.name}`, own), (writer, place) =>
      writer.intent(
        {
          actionId: this.id,
          parentActionId: within,
          tool,
          argumentsDigest: args.digest,
          argumentsEncoding: args.encoding,
          reasonDigest: why.digest,
          reasonSource: given?.source ?? 'none',
          decision: 'allow',
          rule: 'none',
          components: asked.components && three(asked.components),
          content: { ...args.content, ...why.content },
        },
        place,
      ),
    );
    if (intent) this.session.allowed(intent);
    return intent;
  }

  private captured(value: Text): Captured {
    return captureValue('result', value, this.call.tool.name, this.call.redact);
  }

  private finish(
    status: ActionStatus,
    end: { readonly result?: Captured | undefined; readonly errorType?: string | undefined },
    unread = false,
  ): void {
    if (this.finished) return;
    this.finished = true;
    this.frame.parent = undefined;
    const { tool } = this.call;
    const { result, errorType: type } = end;
    guarded('recording an outcome', () =>
      this.session.recorder.record(
        this.span,
        (writer, place) =>
          writer.outcome(
            { actionId: this.id, tool, status, resultDigest: result?.digest, errorType: type, content: result?.content },
            place,
          ),
        status === 'error' || status === 'timeout',
      ),
    );
    this.session.leave(this, unread ? 'abandoned' : undefined);
  }
}

function three({ system_prompt, tools, memory }: Components): IntentDetails['components'] {
  return system_prompt && tools && memory ? { system_prompt, tools, memory } : undefined;
}
