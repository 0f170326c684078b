import type { AskedCall, Reason } from '../../types.js';
import { callIdOf, isRecord, recordsIn, textOf } from './types.js';

interface AskedFor extends AskedCall {
  readonly reason: Reason | undefined;
}

/**
 * The tool calls in the output of a model, each with the words before it; one that came before all words has those after it.
 *
 * @param runs the tools that the runner is going to run itself, by name and by kind of call
 */
export function askedIn(output: unknown, runs: ReadonlySet<string>): AskedFor[] {
  const words = new Words();
  const asked: { readonly call: AskedCall; readonly reason: Reason | undefined }[] = [];
  for (const item of recordsIn(output)) {
    const call = callIn(item, runs);
    if (call) asked.push({ call, reason: words.reason() });
    else words.hear(item);
  }
  return asked.map(({ call, reason }) => ({ ...call, reason: reason ?? words.reason() }));
}

function callIn(item: Readonly<Record<string, unknown>>, runs: ReadonlySet<string>): AskedCall | undefined {
  const callId = callIdOf(item);
  if (callId === undefined) return undefined;
  const { type, name } = item;
  switch (type) {
    case 'function_call':
      return { callId, toolName: textOf(name), runs: item['namespace'] === undefined && runs.has(`function ${textOf(name)}`) };
    case 'shell_call':
    case 'apply_patch_call':
    case 'computer_call':
      return { callId, toolName: type.slice(0, -'_call'.length), runs: runs.has(type) };
    case 'hosted_tool_call':
      return { callId, toolName: textOf(name) };
    default:
      return undefined;
  }
}

class Words {
  private text = '';
  private thinking = '';
  private encrypted = '';

  hear(item: Readonly<Record<string, unknown>>): void {
    if (item['type'] === 'reasoning') {
      for (const part of [...recordsIn(item['content']), ...recordsIn(item['rawContent'])]) this.thinking += textOf(part['text']);
      const data = isRecord(item['providerData']) ? item['providerData'] : {};
      this.encrypted ||= textOf(data['encrypted_content']) || textOf(data['encryptedContent']);
    } else if (item['role'] === 'assistant') {
      for (const part of recordsIn(item['content'])) this.text += textOf(part['text']);
    }
  }

  /** What it said if it said anything, else what it thought, else the thinking that the provider hands out encrypted only. */
  reason(): Reason | undefined {
    if (this.text.trim() !== '') return { text: this.text, source: 'text' };
    if (this.thinking.trim() !== '') return { text: this.thinking, source: 'thinking' };
    if (this.encrypted !== '') return { text: this.encrypted, source: 'encrypted' };
    return undefined;
  }
}
