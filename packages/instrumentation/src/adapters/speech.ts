import type { Reason } from '../types.js';

/** A block of a message as Anthropic's API has it. */
interface Block {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly data?: unknown;
}

/** What the assistant says and thinks in one message, in order, so that each tool call gets the words that came before it. */
export class Speech {
  private text = '';
  private thinking = '';
  private encrypted = '';
  private readonly reasons = new Map<string, Reason | undefined>();

  hear({ type, id, text, thinking, data }: Block): void {
    if (type === 'text' && typeof text === 'string') this.text += text;
    if (type === 'thinking' && typeof thinking === 'string') this.thinking += thinking;
    if (type === 'redacted_thinking' && typeof data === 'string') this.encrypted ||= data;
    if (type === 'tool_use' && typeof id === 'string') this.reasons.set(id, this.reason());
  }

  /** What it said if it said anything; else what it thought; else what it thought in secret, so that the evidence commits to it. */
  reason(): Reason | undefined {
    if (this.text.trim() !== '') return { text: this.text, source: 'text' };
    if (this.thinking.trim() !== '') return { text: this.thinking, source: 'thinking' };
    if (this.encrypted !== '') return { text: this.encrypted, source: 'encrypted' };
    return undefined;
  }

  /** The reason of one call; words that came only after it where there were none before. */
  reasonAt(callId: string): Reason | undefined {
    return this.reasons.get(callId) ?? this.reason();
  }
}
