import {
  type Context,
  context,
  propagation,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/**
 * A provider that makes room: tracers asked for while it is in place turn to the application's provider as soon as there is one.
 * Modules ask for their tracer when they are loaded, which is often before the application registers its SDK; without a preload
 * the API's own proxies would see to that.
 */
export class YieldingProvider implements TracerProvider {
  private readonly ours: NodeTracerProvider;
  private theirs: TracerProvider | undefined;

  constructor(ours: NodeTracerProvider) {
    this.ours = ours;
  }

  get current(): TracerProvider {
    return this.theirs ?? this.ours;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    return new YieldingTracer(this, name, version, options);
  }

  forceFlush(): Promise<void> {
    return this.ours.forceFlush();
  }

  /**
   * The API keeps the first registration of each kind and drops what comes later. Each of ours steps aside when the application
   * registers its own.
   */
  watch(): void {
    const { setGlobalTracerProvider } = trace;
    trace.setGlobalTracerProvider = (own) => {
      trace.setGlobalTracerProvider = setGlobalTracerProvider;
      trace.disable();
      this.theirs = own;
      void this.ours.shutdown().catch(() => undefined);
      return setGlobalTracerProvider.call(trace, own);
    };
    const { setGlobalContextManager } = context;
    context.setGlobalContextManager = (own) => {
      context.setGlobalContextManager = setGlobalContextManager;
      context.disable();
      return setGlobalContextManager.call(context, own);
    };
    const { setGlobalPropagator } = propagation;
    propagation.setGlobalPropagator = (own) => {
      propagation.setGlobalPropagator = setGlobalPropagator;
      propagation.disable();
      return setGlobalPropagator.call(propagation, own);
    };
  }
}

class YieldingTracer implements Tracer {
  private readonly provider: YieldingProvider;
  private readonly asked: [string, string | undefined, TracerOptions | undefined];
  private from: TracerProvider | undefined;
  private tracer: Tracer | undefined;

  constructor(provider: YieldingProvider, ...asked: [string, string | undefined, TracerOptions | undefined]) {
    this.provider = provider;
    this.asked = asked;
  }

  startSpan(name: string, options?: SpanOptions, parent?: Context): Span {
    return this.resolve().startSpan(name, options, parent);
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const tracer = this.resolve();
    return Reflect.apply(tracer.startActiveSpan, tracer, [name, ...rest]) as ReturnType<F>;
  }

  private resolve(): Tracer {
    const { current } = this.provider;
    if (this.tracer === undefined || this.from !== current) {
      this.from = current;
      this.tracer = current.getTracer(...this.asked);
    }
    return this.tracer;
  }
}
