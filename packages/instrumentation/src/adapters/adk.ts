import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { recordedAgent } from './adk/agent.js';
import { observedBeforeModel, observedEvent } from './adk/model.js';
import { probeAdk } from './adk/probe.js';
import { observedAfterTool, observedBeforeTool } from './adk/tools.js';
import { patchClass, patchMethod } from './patching.js';

/**
 * Google's Agent Development Kit: agents by their class, whoever runs them; what is about to be called, model or tool, by the methods
 * that ask the plugins before it, where the very object that runs next is at hand. An agent that another one runs, hands over to or
 * uses as a tool is a child session of that one.
 */
export const adkAdapter: Adapter = {
  name: 'adk',
  targets: ['esm', 'cjs'].flatMap((form) => [
    file(`dist/${form}/agents/base_agent.js`, patchAgents),
    file(`dist/${form}/agents/llm_agent.js`, (exports) =>
      patchClass(exports, 'LlmAgent', 'handleBeforeModelCallback', observedBeforeModel),
    ),
    file(`dist/${form}/plugins/plugin_manager.js`, patchPlugins),
  ]),
  marks: [/google\.adk\.baseAgent/],
  probe: (load) => probeAdk(load, PROBE_TOOL),
};

function file(path: string, patch: (exports: Exports) => Exports | undefined) {
  return target({ packageName: '@google/adk', versions: ['>=2 <3'], file: path, main: false, classesOnly: true, patch });
}

function patchAgents(exports: Exports): Exports | undefined {
  patchMethod(exports['BaseAgent'], 'runLive', recordedAgent);
  return patchClass(exports, 'BaseAgent', 'runAsync', recordedAgent);
}

function patchPlugins(exports: Exports): Exports | undefined {
  return (
    patchClass(exports, 'PluginManager', 'runBeforeToolCallback', observedBeforeTool) &&
    patchClass(exports, 'PluginManager', 'runAfterToolCallback', observedAfterTool) &&
    patchClass(exports, 'PluginManager', 'runOnEventCallback', observedEvent)
  );
}
