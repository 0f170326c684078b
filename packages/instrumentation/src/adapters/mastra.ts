import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { recordedRun, recordedStream } from './mastra/agent.js';
import { observedModels } from './mastra/model.js';
import { observedList, observedMemory } from './mastra/network.js';
import { probeMastra } from './mastra/probe.js';
import { observedDefaults, observedProcessors } from './mastra/steps.js';
import { recordedTools } from './mastra/tools.js';
import type { Method } from './mastra/types.js';
import { patchMethod } from './patching.js';

/**
 * Mastra: runs, models and tools of its agents, all by methods of the class `Agent`. The file that holds the class has another name
 * in every build; the one that exports it has not. An agent that works for another is a tool of that one: its run is a child session.
 */
export const mastraAdapter: Adapter = {
  name: 'mastra',
  targets: [
    { file: 'dist/agent/index.js', module: true },
    { file: 'dist/agent/index.cjs', module: false },
  ].map((form) =>
    target({ packageName: '@mastra/core', versions: ['>=1 <2'], main: false, classesOnly: true, patch: patchAgent, ...form }),
  ),
  marks: [/["'`]AGENT_TOOL_NAME_COLLISION["'`]/],
  probe: (load) => probeMastra(load, PROBE_TOOL),
};

function patchAgent(exports: Exports): Exports | undefined {
  const { Agent } = exports;
  // Not in all versions: the API before streams were the one way, runs that go on after an approval, what may change a step.
  patchMethod(Agent, 'generateLegacy', (original: Method) => recordedRun(original));
  patchMethod(Agent, 'streamLegacy', (original: Method) => recordedStream(original));
  patchMethod(Agent, 'resumeGenerate', (original: Method) => recordedRun(original, { resumed: true }));
  patchMethod(Agent, 'resumeStream', (original: Method) => recordedStream(original, { resumed: true }));
  patchMethod(Agent, 'network', (original: Method) => recordedStream(original, { network: true }));
  patchMethod(Agent, 'resumeNetwork', (original: Method) => recordedStream(original, { network: true, resumed: true }));
  patchMethod(Agent, 'listTools', observedList);
  patchMethod(Agent, 'getMemory', observedMemory);
  patchMethod(Agent, 'resolveInputProcessors', observedProcessors);
  patchMethod(Agent, 'getDefaultOptions', observedDefaults);
  const patched = [
    patchMethod(Agent, 'generate', (original: Method) => recordedRun(original)),
    patchMethod(Agent, 'stream', (original: Method) => recordedStream(original)),
    patchMethod(Agent, 'prepareModels', observedModels),
    patchMethod(Agent, 'wrapToolsWithHooks', recordedTools),
  ];
  return patched.every(Boolean) ? exports : undefined;
}
