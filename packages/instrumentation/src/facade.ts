import { CONTENT_KEYS, isCovered } from '@agent-custody/chain';
import type { Attributes, AttributeValue, Exception, Link, Span, SpanContext, SpanStatus, TimeInput } from '@opentelemetry/api';

/**
 * The active span while something runs whose link leaves by the evidence channel alone: it has that link's span context, so that
 * spans of the application nest rightly, and is in all else the span that would be active without it.
 */
export class SpanStandIn implements Span {
  protected readonly span: Span;
  private readonly own: SpanContext;

  constructor(span: Span, own: SpanContext) {
    this.span = span;
    this.own = own;
  }

  /** The application's span behind `span`: stand-ins are not stacked, however long a row of calls that follow from one another is. */
  static behind(span: Span | undefined): Span | undefined {
    return span instanceof SpanStandIn && !(span instanceof SpanFacade) ? span.span : span;
  }

  spanContext(): SpanContext {
    return this.own;
  }

  setAttribute(key: string, value: AttributeValue): this {
    this.span.setAttribute(key, value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    this.span.setAttributes(attributes);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    this.span.addEvent(name, attributesOrTime, time);
    return this;
  }

  addLink(link: Link): this {
    this.span.addLink(link);
    return this;
  }

  addLinks(links: Link[]): this {
    this.span.addLinks(links);
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.span.recordException(exception, time);
  }

  isRecording(): boolean {
    return this.span.isRecording();
  }

  setStatus(status: SpanStatus): this {
    this.span.setStatus(status);
    return this;
  }

  updateName(name: string): this {
    this.span.updateName(name);
    return this;
  }

  end(time?: TimeInput): void {
    this.span.end(time);
  }
}

/**
 * The active span while something runs whose link is carried by a real span. It passes on what the link's hash does not cover and
 * ignores the rest: a tool that calls `setAttribute('error.type', …)`, `updateName` or `end()` on the active span would otherwise
 * spoil the evidence.
 */
export class SpanFacade extends SpanStandIn {
  override setAttribute(key: string, value: AttributeValue): this {
    return isFree(key) ? super.setAttribute(key, value) : this;
  }

  override setAttributes(attributes: Attributes): this {
    return super.setAttributes(Object.fromEntries(Object.entries(attributes).filter(([key]) => isFree(key))));
  }

  override setStatus(_status: SpanStatus): this {
    return this;
  }

  override updateName(_name: string): this {
    return this;
  }

  override end(_time?: TimeInput): void {}
}

/** Content keys are no part of the hash, but a forged one is a disclosure that does not match. */
function isFree(key: string): boolean {
  return !(key.startsWith('custody.') || isCovered(key) || CONTENT_KEYS.has(key));
}
