import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { nodeHashing } from '../../../src/hashing.js';
import type { ToolDefinition } from '../../../src/types.js';

/** The digest of one component of a fingerprint; of `null` where a framework gives no access to it. */
export function digestOf(component: string, value: unknown): string {
  return fingerprintDigest(component, value, nodeHashing);
}

export function promptDigest(text: string | readonly string[]): string {
  return digestOf('system_prompt', systemPromptValue(text));
}

export function toolsDigest(tools: readonly ToolDefinition[]): string {
  return digestOf('tools', toolsValue(tools));
}

export function modelDigest(provider: string, name: string): string {
  return digestOf('model', { provider, name });
}
