import type { Reason } from '../../types.js';
import type { Part } from './types.js';

/**
 * Gathers what the assistant says and thinks in one response, in order, so that each tool call can be given the words that came
 * before it.
 */
export class Utterance {
  private text = '';
  private thinking = '';
  private encrypted = '';

  /** Takes a part of a response, or a piece of one. */
  hear(part: Part): void {
    const words = part.delta ?? part.text;
    if (typeof words === 'string') {
      if (part.type === 'text' || part.type === 'text-delta') this.text += words;
      if (part.type === 'reasoning' || part.type === 'reasoning-delta') this.thinking += words;
    }
    if (part.type.startsWith('reasoning')) this.encrypted ||= encryptedThinking(part.providerMetadata);
  }

  /**
   * What the assistant said if it said anything: that is the reason that it states. Else what it thought; else, where the provider
   * hands thinking out encrypted only, that text, so that the evidence commits to it.
   */
  reason(): Reason | undefined {
    if (this.text.trim() !== '') return { text: this.text, source: 'text' };
    if (this.thinking.trim() !== '') return { text: this.thinking, source: 'thinking' };
    if (this.encrypted !== '') return { text: this.encrypted, source: 'encrypted' };
    return undefined;
  }
}

/** Anthropic's `redactedData`, OpenAI's `reasoningEncryptedContent`: under the provider's own name in the part's metadata. */
function encryptedThinking(metadata: unknown): string {
  if (typeof metadata !== 'object' || metadata === null) return '';
  for (const provider of Object.values(metadata) as unknown[]) {
    if (typeof provider !== 'object' || provider === null) continue;
    const { redactedData, reasoningEncryptedContent } = provider as Record<string, unknown>;
    for (const text of [redactedData, reasoningEncryptedContent]) if (typeof text === 'string') return text;
  }
  return '';
}
