import { ChainWriter, type Components, type Place, type Position, type WrittenLink } from '@agent-custody/chain';
import { encodeRequest } from '@agent-custody/chain/otlp';
import { type Context, SpanStatusCode } from '@opentelemetry/api';
import { unixNanos } from './clock.js';
import { guarded } from './errors.js';
import type { EvidenceLoss } from './evidence/types.js';
import { state } from './global.js';
import { nodeHashing } from './hashing.js';
import { IdleTimer } from './idle.js';
import { type LinkSpan, startLinkSpan } from './spans.js';
import type { Agent } from './types.js';
import { SCOPE_NAME, SCOPE_VERSION } from './version.js';

/** A run of sequence numbers whose links will never arrive. */
type Lost = Omit<EvidenceLoss, 'session'>;

/** What `session.start` says. */
export interface StartOf {
  readonly components: Components;
  readonly conversationId: string | undefined;
  readonly principal: string | undefined;
  readonly owner: string | undefined;
  readonly memoryStore: string | undefined;
  readonly processId: string;
  readonly familyId: string;
  readonly parent: Position | undefined;
}

/** Computes one link from the head of the chain; undefined when there is nothing to record after all. */
export type Write = (writer: ChainWriter, place: Place) => WrittenLink | undefined;

const SCOPE = { name: SCOPE_NAME, version: SCOPE_VERSION };

/**
 * The shell around a session's {@link ChainWriter}: gives each link its span, and sends the writer's own copy of it out, by the
 * evidence channel before anything else happens, and by the span. What gets out neither way is remembered and declared.
 */
export class Recorder {
  readonly session: string;
  private readonly agent: Agent;
  private readonly notBefore: bigint;
  private writer: ChainWriter | undefined;
  private lost: readonly Lost[] = [];
  private declared: readonly Lost[] = [];
  private silence: IdleTimer | undefined;

  /** `notBefore`: Unix nanoseconds of the spawn that announced this session, which counts only when it is not after the start. */
  constructor(session: string, agent: Agent, notBefore: bigint) {
    this.session = session;
    this.agent = agent;
    this.notBefore = notBefore;
  }

  get started(): boolean {
    return this.writer !== undefined;
  }

  /** Links written so far. */
  get links(): number {
    return this.writer?.position.seq ?? 0;
  }

  /** The time that a link written now states, Unix nanoseconds: a decision that is made by it can be made again from the record. */
  moment(): bigint {
    const now = unixNanos();
    const last = this.writer?.time ?? 0n;
    const least = last > this.notBefore ? last : this.notBefore;
    return now > least ? now : least;
  }

  /** The latest component digests; empty before the start. */
  get components(): Components {
    return this.writer?.components ?? {};
  }

  /** Starts the span of a link about the whole session. */
  span(name: string, parent: Context): LinkSpan {
    return startLinkSpan(`${name} ${this.agent.name ?? this.agent.id}`, parent);
  }

  start(details: StartOf, parent: Context): void {
    const { id, name = id, version } = this.agent;
    const { conversationId, ...start } = details;
    this.writer = new ChainWriter({ session: this.session, agent: { id, name, version }, conversationId, hashing: nodeHashing });
    this.record(this.span('session.start', parent), (writer, place) => writer.start(start, place));
    this.beatInSilence(parent);
  }

  /**
   * Appends a link and sends it out on `span`, which ends with it.
   *
   * @param failed the span's status, for people to look at; no part of the evidence
   */
  record(span: LinkSpan, write: Write, failed = false): WrittenLink | undefined {
    // Of records lost the evidence channel itself says when it can keep some again; of spans sampled out a sampled one tells.
    if (this.lost.length > 0 && span.exported && state().configuration.evidence === undefined) this.declareRest(span.parent);
    return this.append(span, write, failed);
  }

  /** Declares links that the evidence channel lost. */
  declareLoss(loss: Lost, parent: Context): void {
    if (this.declared.some((known) => known.first <= loss.first && loss.last <= known.last)) return;
    this.lost = this.lost.flatMap((known) => without(known, loss));
    this.append(this.span('loss', parent), (writer, place) => writer.loss(loss.first, loss.last, loss.reason, place));
  }

  /** Declares all that is known to be lost: before session.end it is the last chance. */
  declareRest(parent: Context): void {
    const evidence = state().configuration.evidence;
    for (const loss of this.lost) {
      const span = this.span('loss', parent);
      if (evidence === undefined && !span.exported) return;
      this.lost = this.lost.filter((other) => other !== loss);
      // The channel may tell of it too. Nobody else does: a sampler would fill this list for as long as the process lives.
      if (evidence) this.declared = [...this.declared, loss];
      this.append(span, (writer, place) => writer.loss(loss.first, loss.last, loss.reason, place));
    }
  }

  /** No heartbeat any more. */
  stop(): void {
    this.silence?.stop();
  }

  /** While the session is open and writes nothing, a heartbeat says that it is still there. */
  private beatInSilence(parent: Context): void {
    this.silence = new IdleTimer(state().configuration.heartbeatMs, () => {
      guarded('heartbeat', () => this.record(this.span('heartbeat', parent), (writer, place) => writer.heartbeat(place)));
      this.beatInSilence(parent);
    });
  }

  private append(span: LinkSpan, write: Write, failed = false): WrittenLink | undefined {
    if (this.writer === undefined || this.writer.closed) return undefined;
    const { traceId, spanId } = span.spanContext;
    const link = write(this.writer, { traceId, spanId, now: this.moment() });
    if (link === undefined) return undefined;
    this.silence?.touch();
    if (!guarded('sending a link', () => this.send(link, span, failed))) this.noteLost(link.seq, span);
    return link;
  }

  /** Answers whether the link is on its way. Evidence first: it is there when the tool runs, whatever processors do to the span. */
  private send(link: WrittenLink, span: LinkSpan, failed: boolean): boolean {
    const { evidence, resource } = state().configuration;
    let kept = span.exported;
    if (evidence) {
      const record = {
        traceId: link.traceId,
        spanId: link.spanId,
        parentSpanId: span.parentSpanId,
        name: span.name,
        startNs: span.startNs,
        endNs: unixNanos(),
        attributes: link.attributes,
        statusCode: failed ? (2 as const) : (0 as const),
      };
      kept = evidence.append({ session: link.session, seq: link.seq, bytes: encodeRequest([record], resource, SCOPE) });
    }
    guarded('ending a span', () => endSpan(span, link, failed));
    return kept;
  }

  private noteLost(seq: number, span: LinkSpan): void {
    const reason = state().configuration.evidence ? 'not_kept' : span.span ? 'sampled_out' : 'no_span';
    const previous = this.lost.at(-1);
    const joins = previous?.last === seq - 1 && previous.reason === reason;
    this.lost = joins ? [...this.lost.slice(0, -1), { ...previous, last: seq }] : [...this.lost, { first: seq, last: seq, reason }];
  }
}

/** What is left of a run when another one is taken out. */
function without(run: Lost, { first, last }: Lost): Lost[] {
  if (last < run.first || run.last < first) return [run];
  const before = { ...run, last: first - 1 };
  const after = { ...run, first: last + 1 };
  return [before, after].filter((part) => part.first <= part.last);
}

function endSpan({ span }: LinkSpan, link: WrittenLink, failed: boolean): void {
  if (span === undefined) return;
  for (const key in link.attributes) {
    const value = link.attributes[key];
    if (value !== undefined) span.setAttribute(key, typeof value === 'object' ? [...value] : value);
  }
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
