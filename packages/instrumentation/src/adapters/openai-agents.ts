import { type Adapter, type Exports, PROBE_TOOL, type Target, target } from './adapter.js';
import { observedEmit } from './openai-agents/approvals.js';
import { observedComputer, observedResolve } from './openai-agents/computer.js';
import { observedCalls, observedTool, recordedInvocation } from './openai-agents/function-tool.js';
import { APPLY_PATCH, observedLocalTool, SHELL } from './openai-agents/local-tool.js';
import { observedResponse, observedStream } from './openai-agents/model.js';
import { observedHandoff } from './openai-agents/run.js';
import { recordedRun } from './openai-agents/runner.js';
import { patchClass, patchExports, patchInherited } from './patching.js';

/**
 * The OpenAI Agents SDK: runs by the class of the runner; what a model is sent, and each kind of tool, by the functions that the
 * runner calls for it, which lie in files of their own.
 */
export const openaiAgentsAdapter: Adapter = {
  name: 'openai-agents',
  marks: [/Failed to run function[ ]tools: /, /Incorrectly called executeHandoffCalls[ ]with no handoffs/],
  targets: ['mjs', 'js'].flatMap((extension) => [
    core(`dist/run.${extension}`, true, patchRunner),
    core(`dist/tool.${extension}`, false, patchTools),
    core(`dist/runner/modelRetry.${extension}`, false, patchModels),
    core(`dist/runner/toolExecution.${extension}`, false, patchExecution),
  ]),
  probe,
};

function core(file: string, classesOnly: boolean, patch: Target['patch']): Target {
  return target({ packageName: '@openai/agents-core', versions: ['>=0.8 <0.21'], file, main: false, classesOnly, patch });
}

function patchRunner(exports: Exports): Exports | undefined {
  const { Runner } = exports as { Runner?: { readonly prototype: object } };
  const known = Runner !== undefined && patchInherited(Runner.prototype, 'emit', observedEmit);
  return known ? patchClass(exports, 'Runner', 'run', recordedRun) : undefined;
}

function patchTools(exports: Exports): Exports | undefined {
  return patchExports(exports, { tool: observedTool, invokeFunctionTool: recordedInvocation, resolveComputer: observedResolve });
}

function patchModels(exports: Exports): Exports | undefined {
  return patchExports(exports, { getResponseWithRetry: observedResponse, getStreamedResponseWithRetry: observedStream });
}

function patchExecution(exports: Exports): Exports | undefined {
  return patchExports(exports, {
    executeFunctionToolCalls: observedCalls,
    executeShellActions: observedLocalTool(SHELL),
    executeApplyPatchOperations: observedLocalTool(APPLY_PATCH),
    executeComputerActions: observedComputer,
    executeHandoffCalls: observedHandoff,
  });
}

interface Core {
  readonly Agent: new (options: object) => object;
  readonly Runner: new (options: object) => { run(agent: object, input: string): Promise<unknown> };
  tool(options: object): object;
}

/** A run with a model of its own, which asks for the tool and is content. */
async function probe(load: (specifier: string) => Promise<Exports>): Promise<unknown> {
  const { Agent, Runner, tool } = (await load('@openai/agents').catch(() => load('@openai/agents-core'))) as unknown as Core;
  const parameters = { type: 'object', properties: {}, required: [], additionalProperties: false };
  const own = tool({ name: PROBE_TOOL, description: 'Does nothing.', parameters, execute: () => 'ok' });
  const call = { type: 'function_call', callId: 'probe', name: PROBE_TOOL, arguments: '{}', status: 'completed' };
  const usage = { requests: 1, inputTokens: 0, outputTokens: 0, totalTokens: 0 };
  const model = { getResponse: async () => ({ usage, output: [call] }) };
  const agent = new Agent({ name: PROBE_TOOL, model, tools: [own], toolUseBehavior: 'stop_on_first_tool' });
  return new Runner({ tracingDisabled: true }).run(agent, 'probe');
}
