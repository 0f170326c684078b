import type { AttestationDetails } from '@agent-custody/chain';
import { state } from './global.js';

/** Calls remembered, of a session and of the process: a model that asks for calls that never come must not fill the memory. */
const LIMIT = 10_000;
/** More of them say nothing more; the link names 100. */
const UNREQUESTED = 1_000;

/**
 * How long, in ms, a call that was asked for may take to begin when nothing else is under way in a session that is about to end:
 * a run that nobody awaits, or a framework that saves its state between model and tool.
 */
export const BEGIN_GRACE_MS = 30_000;

/** `counted ahead`, `ahead`: it began before anybody was seen to ask for it; counted where a model must have asked. */
type Call = 'awaited' | 'executed' | 'counted ahead' | 'ahead';

/**
 * What models asked for in one session, held by call id against what was seen executed (SPEC.md, "Order of writing", 7). By id and
 * not by count: frameworks try a call again under its id, models that are tried again repeat theirs, and some providers number from
 * one in each response.
 */
export class Attestation {
  private readonly settled: () => void;
  private readonly calls = new Map<string, Call>();
  private readonly unrequested = new Set<string>();
  private modelCalls = 0;
  private requested = 0;
  private executions = 0;
  private awaited = 0;
  private lastAsked = 0;
  private closed = false;

  /** @param settled told when the last call that was waited for has begun, or will not */
  constructor(settled: () => void) {
    this.settled = settled;
  }

  /** Without a model call there is nothing to hold executions against. */
  get needed(): boolean {
    return this.modelCalls > 0;
  }

  /** Milliseconds until no call that was asked for can be about to begin any more; 0 when none is waited for. */
  get grace(): number {
    return this.awaited === 0 ? 0 : Math.max(0, this.lastAsked + BEGIN_GRACE_MS - performance.now());
  }

  modelCall(): void {
    this.modelCalls++;
  }

  asked(callId: string, runs: boolean): void {
    remember(callId, this);
    this.unrequested.delete(callId);
    if (!runs || this.closed) return;
    const before = this.calls.get(callId);
    if (before === 'executed' || before === 'awaited') return;
    this.requested++;
    this.calls.set(callId, before === undefined ? 'awaited' : 'executed');
    if (before === 'ahead') this.executions++;
    if (before !== undefined) return;
    this.awaited++;
    this.lastAsked = performance.now();
    this.bound();
  }

  /** What has begun already has begun. */
  forgo(callId: string): void {
    if (this.calls.get(callId) !== 'awaited') return;
    this.calls.delete(callId);
    this.requested--;
    this.waitForOneLess();
  }

  /**
   * A call begins, or is refused. It may have been asked for in another session: before a human was asked, by an agent that handed
   * over, in a session that has ended since.
   *
   * @param requested whether some model must have asked for it
   */
  executed(callId: string, requested: boolean): void {
    if (this.calls.has(callId)) {
      this.begun(callId);
      return;
    }
    const asker = askers().get(callId);
    const elsewhere = asker !== undefined && asker !== this && asker.begun(callId);
    const counts = requested && !elsewhere;
    this.calls.set(callId, counts ? 'counted ahead' : 'ahead');
    this.bound();
    if (!counts) return;
    this.executions++;
    // Before the first model call of a session: a thread that is taken up where another process left it.
    if (asker === undefined && this.needed && this.unrequested.size < UNREQUESTED) this.unrequested.add(callId);
  }

  /**
   * What the link says; undefined in a session without a model call.
   *
   * @param over whether what was asked for and has not begun would have by now. A run that stopped first is held against nobody.
   */
  close(over: boolean): AttestationDetails | undefined {
    this.closed = true;
    const { calls, executions: executed } = this;
    const waiting = [...calls].flatMap(([callId, call]) => (call === 'awaited' ? [callId] : []));
    const unexecuted = over ? waiting : [];
    const unrequested = [...this.unrequested].filter((callId) => !askers().has(callId));
    const requested = this.requested - (waiting.length - unexecuted.length);
    calls.clear();
    this.awaited = 0;
    return this.needed ? { requested, executed, unexecuted, unrequested } : undefined;
  }

  private begun(callId: string): boolean {
    if (this.calls.get(callId) !== 'awaited') return this.calls.has(callId);
    this.calls.set(callId, 'executed');
    this.executions++;
    this.waitForOneLess();
    return true;
  }

  private waitForOneLess(): void {
    this.awaited--;
    if (this.awaited === 0) this.settled();
  }

  /** What is forgotten is in neither count. */
  private bound(): void {
    if (this.calls.size <= LIMIT) return;
    const [callId, call] = this.calls.entries().next().value as [string, Call];
    if (call === 'awaited') this.forgo(callId);
    this.calls.delete(callId);
  }
}

/** Who asked last for each call id, in the whole process. */
function askers(): Map<string, Attestation> {
  return state().askers;
}

function remember(callId: string, asker: Attestation): void {
  const known = askers();
  known.delete(callId);
  known.set(callId, asker);
  if (known.size > LIMIT) known.delete(known.keys().next().value as string);
}
