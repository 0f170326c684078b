import { guarded } from '../../errors.js';
import type { ActiveSession, Agent, SessionOutcome } from '../../types.js';
import { CurrentRun } from '../current-run.js';
import { LoopRun } from '../loop-run.js';
import { TakenUp } from '../taken-up.js';
import type { Event } from './types.js';

/** One run of one agent. */
export class AdkRun extends LoopRun {
  readonly takenUp: TakenUp;
  private readonly owner: boolean;
  private readonly signal: AbortSignal | undefined;
  private failed = false;

  /** @param owner whether the session was opened for this run alone, so that the run's end is the session's */
  constructor(session: ActiveSession, agent: Agent, owner: boolean, signal: AbortSignal | undefined) {
    super(session);
    this.takenUp = new TakenUp(agent);
    this.owner = owner;
    this.signal = signal;
  }

  /** The generator itself; each step of it is taken inside the run, wherever the application takes it. */
  follow(generator: AsyncGenerator<unknown>): AsyncGenerator<unknown> {
    for (const name of ['next', 'return', 'throw'] as const) {
      const step = generator[name].bind(generator) as (...args: unknown[]) => Promise<IteratorResult<unknown>>;
      const followed = async (...args: unknown[]): Promise<IteratorResult<unknown>> => {
        try {
          const result = await adkRuns.enter(this, () => step(...args));
          if (result.done) guarded('ending a run', () => this.end());
          else this.failed = (result.value as Event | undefined)?.errorCode !== undefined;
          return result;
        } catch (error) {
          guarded('ending a run', () => this.forgo());
          throw error;
        }
      };
      Object.defineProperty(generator, name, { value: followed, writable: true, configurable: true });
    }
    return generator;
  }

  /** The framework throws neither an abort nor what a model failed with: the last event tells of that. */
  private end(): void {
    this.forgo();
    const outcome: SessionOutcome = this.signal?.aborted ? 'cancelled' : this.failed ? 'error' : 'completed';
    if (this.owner && outcome !== 'completed') this.session.hold().release(outcome);
  }
}

export const adkRuns = new CurrentRun<AdkRun>('adk');
