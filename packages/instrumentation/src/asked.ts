import type { Components } from '@agent-custody/chain';
import type { Agent, Reason } from './types.js';

/** What a model call said about a tool call that it asked for. */
export interface Asked {
  readonly reason: Reason | undefined;
  readonly components: Components;
  /** The session that announced these components; an intent of another one may not use them. */
  readonly session: string;
  readonly agent: Agent;
  readonly toolName: string;
  /** Another session asked under this id, too: whose call it is that comes later, the id does not say. */
  readonly repeated?: boolean;
}

/** Calls remembered: a model that asks for calls that never come must not fill the memory. */
const LIMIT = 10_000;

/** Tool calls that models asked for, by call id; a repeated id is the latest request's. */
export class AskedCalls {
  private readonly calls = new Map<string, Asked>();

  remember(callId: string, asked: Asked): void {
    this.calls.delete(callId);
    this.calls.set(callId, asked);
    if (this.calls.size > LIMIT) this.calls.delete(this.calls.keys().next().value as string);
  }

  /** As {@link remember}, where calls of several sessions are held. */
  share(callId: string, asked: Asked): void {
    const before = this.find(callId);
    const repeated = before !== undefined && (before.repeated === true || before.session !== asked.session);
    this.remember(callId, { ...asked, repeated });
  }

  find(callId: string | undefined): Asked | undefined {
    return callId === undefined ? undefined : this.calls.get(callId);
  }

  /** As {@link find}, where calls of several agents are held: some providers number their calls from one in each response. */
  findOf(agent: Agent, { name, callId }: { readonly name: string; readonly callId?: string | undefined }): Asked | undefined {
    const asked = this.find(callId);
    const same = asked?.toolName === name && asked.agent.id === agent.id && asked.agent.name === agent.name;
    return same ? asked : undefined;
  }
}
