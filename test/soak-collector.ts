import type { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';
import type { Hop } from './hop.js';
import { type Running, startCollector } from './processes.js';
import type { TempoBook } from './soak-tempo.js';

/** What Tempo does between one death of the collector and the next. */
const MOODS = [undefined, { type: 'status', status: 503 }, undefined, { type: 'hang_up' }, undefined, { type: 'lose_answer' }] as const;

/** A collector that dies and comes back on its ledger, behind a hop that keeps the address. */
export class PhoenixCollector {
  kills = 0;
  url = '';
  private process: Running | undefined;

  constructor(
    private readonly args: readonly string[],
    private readonly hop: Hop,
    private readonly tempo: TempoStandIn,
    private readonly book: TempoBook,
  ) {}

  async start(): Promise<void> {
    const { process, url } = await startCollector([...this.args, '--listen', '127.0.0.1:0']);
    this.process = process;
    this.url = url;
    this.hop.to = url;
  }

  async killAndRestart(): Promise<void> {
    this.hop.to = undefined;
    await this.process?.kill('SIGKILL');
    this.kills++;
    this.book.collectorDied();
    this.mood(MOODS[this.kills % MOODS.length]);
    await this.start();
  }

  /** Tempo from now on. */
  mood(behaviour: (typeof MOODS)[number]): void {
    this.book.losingAnswers(behaviour?.type === 'lose_answer');
    this.tempo.always(behaviour);
  }

  async stop(): Promise<void> {
    this.hop.to = undefined;
    await this.process?.kill('SIGTERM');
  }

  /** What it wrote to its log since it last started. */
  get lines(): readonly string[] {
    return this.process?.lines ?? [];
  }
}
