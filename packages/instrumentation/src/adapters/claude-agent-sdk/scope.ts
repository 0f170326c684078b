import { AsyncResource } from 'node:async_hooks';
import type { ActiveSession, ModelCall, ModelRequest, ToolDefinition } from '../../types.js';
import { LoopRun } from '../loop-run.js';
import { Speech } from '../speech.js';
import type { Block, Message } from './types.js';

/** What is known of the requests of one agent: its program makes them, out of reach. */
export interface Known {
  readonly systemPrompt: ModelRequest['systemPrompt'];
  tools: readonly ToolDefinition[] | null;
}

/** The main agent of a query, or one of its sub-agents: a session, and what its model says. Made inside the session. */
export class Scope extends LoopRun {
  readonly known: Known;
  /** Runs something where the agent itself runs. */
  readonly enter: <T>(fn: () => T) => T;
  over = false;
  private readonly seen = new Set<string>();
  private messageId: unknown;
  private model: ModelCall | undefined;
  private speech = new Speech();

  constructor(session: ActiveSession, known: Known) {
    super(session);
    this.known = known;
    this.enter = AsyncResource.bind((fn) => fn());
  }

  hasAsked(callId: string): boolean {
    return this.seen.has(callId);
  }

  /** A message of the assistant comes in pieces, a block each, under one id: that is one model call. */
  heard({ message = {}, session_id }: Message): void {
    if (this.over) return;
    if (this.model === undefined || message.id === undefined || message.id !== this.messageId) {
      this.messageId = message.id;
      this.speech = new Speech();
      this.model = this.session.modelCall({
        systemPrompt: this.known.systemPrompt,
        tools: this.known.tools,
        ...(typeof message.model === 'string' && { model: { provider: 'anthropic', name: message.model } }),
        ...(typeof session_id === 'string' && { conversationId: session_id }),
      });
      // The answer is here already.
      this.model.done();
    }
    for (const block of Array.isArray(message.content) ? (message.content as Block[]) : []) this.block(this.model, block);
  }

  private block(model: ModelCall, block: Block): void {
    this.speech.hear(block);
    if (block.type !== 'tool_use' || typeof block.id !== 'string' || this.seen.has(block.id)) return;
    this.seen.add(block.id);
    this.asked(model, [{ callId: block.id, toolName: String(block.name), runs: true }], this.speech.reason());
  }
}
