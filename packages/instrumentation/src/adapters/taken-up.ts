import { state } from '../global.js';
import type { Agent, Reason } from '../types.js';

/** A run that goes on in a session of its own after a human was asked: what its model said in the one before. */
export class TakenUp {
  private heard = false;

  constructor(private readonly agent: Agent) {}

  /** The model is asked: what comes from now on it has asked for here. */
  modelCall(): void {
    this.heard = true;
  }

  /** The reason of a call that the run had stopped at, where a model of this agent, and of no other run, asked for it in this process. */
  reasonOf(name: string, callId: string | undefined): Reason | undefined {
    const asked = this.heard ? undefined : state().asked.findOf(this.agent, { name, callId });
    return asked?.repeated ? undefined : asked?.reason;
  }
}
