import type { LanguageModelV3Content, LanguageModelV3GenerateResult } from '@ai-sdk/provider';
import { MockLanguageModelV3 } from 'ai/test';

interface Turn {
  /** What the assistant says, or thinks, before it calls. */
  readonly says?: string;
  readonly thinks?: string;
  readonly calls: readonly { readonly tool: string; readonly input: object }[];
}

/** A model that follows a script: no key, no network, the same run every time. Everything around it is the real AI SDK. */
export function scriptedModel(turns: readonly Turn[]): MockLanguageModelV3 {
  let count = 0;
  return new MockLanguageModelV3({
    provider: 'scripted',
    modelId: 'invoice-script-1',
    doGenerate: turns.map((turn): LanguageModelV3GenerateResult => {
      const content: LanguageModelV3Content[] = [];
      if (turn.thinks) content.push({ type: 'reasoning', text: turn.thinks });
      if (turn.says) content.push({ type: 'text', text: turn.says });
      for (const { tool, input } of turn.calls) {
        content.push({ type: 'tool-call', toolCallId: `call_${++count}`, toolName: tool, input: JSON.stringify(input) });
      }
      const reason = turn.calls.length > 0 ? 'tool-calls' : 'stop';
      return {
        content,
        finishReason: { unified: reason, raw: reason },
        usage: {
          inputTokens: { total: 120, noCache: 120, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 40, text: 40, reasoning: 0 },
        },
        warnings: [],
      };
    }),
  });
}
