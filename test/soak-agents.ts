import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { generator } from './agents/roamer-plan.mjs';
import { cleanEnv, Running } from './processes.js';

const ROAMER = fileURLToPath(new URL('agents/roamer.mjs', import.meta.url));

/** How a process ends, and what its parent sees of that. Those that are killed get a chance to tell nobody anything. */
const ENDINGS = {
  return: { status: 0, signal: null },
  exit: { status: 7, signal: null },
  throw: { status: 1, signal: null },
  reject: { status: 1, signal: null },
  term: { status: null, signal: 'SIGTERM' },
  kill: { status: null, signal: 'SIGKILL' },
  killed: { status: null, signal: 'SIGKILL' },
} as const;
type Ending = keyof typeof ENDINGS;

export interface AgentRun {
  /** `custody.owner` of its sessions; its children's begin with it. */
  readonly owner: string;
  readonly ending: Ending;
  readonly status: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
}

interface Place {
  /** Of the hop in front of the collector. */
  readonly endpoint: string;
  readonly folder: string;
  readonly seed: number;
}

/**
 * One process after the other in one place of work: what one of them leaves in the spool, the next delivers. Those that are killed
 * come first, so that their leases are over when the last ones end.
 *
 * @param go asked before each process; the place closes when it is false
 */
export async function work(slot: string, place: Place, go: (processes: number) => boolean): Promise<AgentRun[]> {
  const random = generator(`${place.seed} ${slot}`);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const runs: AgentRun[] = [];
  for (let number = 1; go(number); number++) {
    const rough = number % 5 < 3;
    const ending = pick<Ending>(rough ? ['kill', 'killed', 'exit'] : ['return', 'return', 'exit', 'throw', 'reject', 'term']);
    runs.push(await run(`${slot}n${number}`, ending, place, 400 + random() * 1200));
  }
  return runs;
}

async function run(name: string, ending: Ending, { endpoint, folder, seed }: Place, killAfterMs: number): Promise<AgentRun> {
  const owner = `${seed}${name}`;
  const child = spawn(process.execPath, ['--import', '@agent-custody/instrumentation/register', ROAMER, owner, ending], {
    env: cleanEnv({
      CUSTODY_ENDPOINT: endpoint,
      CUSTODY_SPOOL: `${folder}/spool`,
      CUSTODY_OWNER: owner,
      CUSTODY_AGENT_ID: `roamer-${name.split('n')[0]}`,
      CUSTODY_SESSION_IDLE: '2',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      ROAMER_JOURNAL: `${folder}/journal`,
      ROAMER_MEMORY: `${folder}/memory-${name.split('n')[0]}`,
    }),
  });
  const running = new Running(child);
  const timer = ending === 'killed' ? setTimeout(() => child.kill('SIGKILL'), killAfterMs) : undefined;
  await running.closed;
  clearTimeout(timer);
  return { owner, ending, status: child.exitCode, signal: child.signalCode, lines: running.lines };
}

/** Runs that ended otherwise than the same program does without the instrumentation. */
export function endedOtherwise(runs: readonly AgentRun[]): string[] {
  return runs
    .filter(({ ending, status, signal }) => {
      const expected = ENDINGS[ending];
      // What is to kill it may come too late for a short program, or name a tool that is never reached.
      const outlived = expected.signal === 'SIGKILL' && status === 0;
      return !outlived && (status !== expected.status || signal !== expected.signal);
    })
    .map(({ owner, ending, status, signal, lines }) => `${owner} ${ending}: ${status ?? signal}\n${lines.slice(-20).join('\n')}`);
}

/** Whether the death of this process, or of the one that it is a worker in, explains that a session has no end. */
export function isDoomed(owner: string, runs: readonly AgentRun[]): boolean {
  const first = runs.find((run) => run.owner === owner.split('/')[0]);
  if (first?.owner === owner) return first.signal === 'SIGKILL';
  // A worker ends with its process, and is not told.
  return owner.endsWith('/worker') && first?.ending !== 'return';
}
