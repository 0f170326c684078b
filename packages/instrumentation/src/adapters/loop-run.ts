import type { ActiveSession, AskedCall, ModelCall, Reason } from '../types.js';

/** One run of a loop in which a model asks for tools and the framework runs them: which calls are still to come. */
export class LoopRun {
  readonly session: ActiveSession;
  private readonly pending = new Set<string>();

  constructor(session: ActiveSession) {
    this.session = session;
  }

  /** Hands on what a model asked for; those that the framework is to run are remembered until they do. */
  asked(model: ModelCall, calls: readonly AskedCall[], reason: Reason | undefined): void {
    model.asked(calls, reason);
    for (const { callId, runs } of calls) if (runs) this.expects(callId);
  }

  /** The framework is going to run this call. */
  protected expects(callId: string): void {
    this.pending.add(callId);
  }

  executed(callId: string | undefined): void {
    if (callId !== undefined) this.pending.delete(callId);
  }

  /** Calls that the framework was to run and that were not seen to begin. */
  protected get unexecuted(): string[] {
    return [...this.pending];
  }

  /** These are honestly not run after all; without a list: all that are still to come. */
  forgo(callIds: readonly string[] = [...this.pending]): void {
    const open = callIds.filter((callId) => this.pending.delete(callId));
    if (open.length > 0) this.session.forgo(open);
  }
}
