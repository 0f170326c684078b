import type { Reason } from '../../types.js';
import { isRecord, isToolCall, type Message } from './types.js';

/** A tool call in a message, with the words that came with it. */
export interface Asked {
  readonly callId: string;
  readonly toolName: string;
  readonly reason: Reason | undefined;
}

/**
 * Gathers what a model says and thinks, whole or in pieces, in the words of every provider: content as text or as blocks, and what
 * some put beside the content.
 */
export class Words {
  private text = '';
  private thinking = '';
  private encrypted = '';
  private readonly before = new Map<string, Reason | undefined>();
  private readonly names = new Map<string, string>();

  /** Takes a message, or a chunk of one. */
  message(message: Message): void {
    this.beside(message.additional_kwargs);
    if (typeof message.content === 'string') this.text += message.content;
    else if (Array.isArray(message.content)) for (const block of message.content as unknown[]) this.block(block);
    for (const calls of [message.tool_calls, message.tool_call_chunks]) {
      if (Array.isArray(calls)) for (const call of calls as unknown[]) this.call(call);
    }
  }

  /** Takes one content block. */
  block(block: unknown): void {
    if (!isRecord(block)) return;
    switch (block['type']) {
      case 'text':
      case 'text_delta':
      case 'output_text':
        this.text += textOf(block['text']);
        break;
      case 'thinking':
        this.thinking += textOf(block['thinking']);
        break;
      case 'reasoning':
        this.reasoned(block);
        break;
      case 'reasoning_content':
        this.thinking += isRecord(block['reasoningText']) ? textOf(block['reasoningText']['text']) : '';
        this.encrypted ||= textOf(block['redactedContent']);
        break;
      case 'redacted_thinking':
        this.encrypted ||= textOf(block['data']);
        break;
      case 'tool_call':
      case 'tool_use':
      case 'function_call':
        this.call({ name: block['name'], id: block['call_id'] ?? block['id'] });
        break;
    }
  }

  /** The calls so far; one that came before any words has those that came after it. */
  asked(): Asked[] {
    const last = this.reason();
    return [...this.names].map(([callId, toolName]) => ({ callId, toolName, reason: this.before.get(callId) ?? last }));
  }

  private call(call: unknown): void {
    if (!isRecord(call)) return;
    const { id, name } = call;
    if (typeof id !== 'string' || typeof name !== 'string' || this.names.has(id)) return;
    this.names.set(id, name);
    this.before.set(id, this.reason());
  }

  /** OpenAI's Responses API, DeepSeek and others keep reasoning out of the content. */
  private beside(kwargs: Message['additional_kwargs']): void {
    this.thinking += textOf(kwargs?.['reasoning_content']);
    if (isRecord(kwargs?.['reasoning'])) this.reasoned(kwargs['reasoning']);
  }

  private reasoned({ reasoning, summary, encrypted_content }: Readonly<Record<string, unknown>>): void {
    this.thinking += textOf(reasoning);
    const parts = Array.isArray(summary) ? (summary as unknown[]) : [];
    for (const part of parts) if (isRecord(part)) this.thinking += textOf(part['text']);
    this.encrypted ||= textOf(encrypted_content);
  }

  /** What it said if it said anything, else what it thought, else the thinking that the provider hands out encrypted only. */
  private reason(): Reason | undefined {
    if (this.text.trim() !== '') return { text: this.text, source: 'text' };
    if (this.thinking.trim() !== '') return { text: this.thinking, source: 'thinking' };
    if (this.encrypted !== '') return { text: this.encrypted, source: 'encrypted' };
    return undefined;
  }
}

/** The reason for a call that is in the conversation already: the graph goes on from a checkpoint, or was handed the message. */
export function reasonIn(messages: readonly Message[], callId: string): Reason | undefined {
  const asking = messages.findLast(({ tool_calls: calls }) => {
    return Array.isArray(calls) && (calls as unknown[]).some((call) => isToolCall(call) && call.id === callId);
  });
  if (asking === undefined) return undefined;
  const words = new Words();
  words.message(asking);
  return words.asked().find((asked) => asked.callId === callId)?.reason;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
