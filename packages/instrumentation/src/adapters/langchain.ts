import { type Adapter, type Exports, PROBE_TOOL, type Target, target } from './adapter.js';
import { recordedGraph } from './langchain/graph.js';
import { observedInterrupt } from './langchain/interrupt.js';
import { observed } from './langchain/model.js';
import { recordedTool } from './langchain/tool.js';
import { observedToolNode, passesOn } from './langchain/tool-node.js';
import type { Form } from './langchain/types.js';
import { patchClass, patchExports, patchMethod } from './patching.js';

/**
 * LangChain: tools and chat models of @langchain/core, whoever calls them; ToolNode and createAgent of langchain; graphs, ToolNode
 * and subgraphs of LangGraph. All by the methods of classes, of which each module system has its own.
 */
export const langchainAdapter: Adapter = {
  name: 'langchain',
  marks: [/Received tool[ ]input did not match expected schema/, /content_and[_]artifact/],
  targets: (['js', 'cjs'] as const).flatMap((extension) => targetsOf({ extension })),
  probe,
};

function targetsOf(form: Form): Target[] {
  const core = (path: string, patch: Target['patch']) => file('@langchain/core', '>=0.2.36 <2', path, form, patch);
  const toolNode = (exports: Exports) => patchClass(exports, 'ToolNode', 'runTool', observedToolNode(form));
  return [
    core('dist/tools/index', (exports) => patchTools(exports, form)),
    core('dist/language_models/chat_models', patchModels),
    core('dist/messages/tool', (exports) => takeMessages(exports, form)),
    file('langchain', '>=1 <2', 'dist/agents/nodes/ToolNode', form, toolNode),
    file('@langchain/langgraph', '>=1 <2', 'dist/prebuilt/tool_node', form, toolNode),
    file('@langchain/langgraph', '>=1 <2', 'dist/pregel/index', form, (exports) =>
      patchClass(exports, 'Pregel', '_streamIterator', recordedGraph),
    ),
    approvals(form),
  ];
}

/** The one function among the classes: out of reach where LangGraph was loaded first, and then approvals alone go unrecorded. */
function approvals(form: Form): Target {
  const patch = (exports: Exports) => patchExports(exports, { interrupt: observedInterrupt });
  return { ...file('@langchain/langgraph', '>=1 <2', 'dist/interrupt', form, patch), classesOnly: false, supplement: true };
}

function file(packageName: string, versions: string, path: string, { extension }: Form, patch: Target['patch']): Target {
  const module = extension === 'js';
  return target({ packageName, versions: [versions], file: `${path}.${extension}`, main: false, classesOnly: true, module, patch });
}

function patchTools(exports: Exports, form: Form): Exports | undefined {
  for (const name of ['Tool', 'DynamicTool', 'DynamicStructuredTool']) passesOn(exports[name]);
  return patchClass(exports, 'StructuredTool', 'call', recordedTool(form));
}

function patchModels(exports: Exports): Exports | undefined {
  const model = exports['BaseChatModel'];
  if (typeof model !== 'function') return undefined;
  const wrap = observed(model.prototype as object);
  const sends = ['_generateUncached', '_streamIterator'].map((method) => patchMethod(model, method, wrap));
  // Streams of events are a protocol of version 1; before, they come from the streams above.
  patchMethod(model, 'streamEvents', wrap);
  return sends.every(Boolean) ? exports : undefined;
}

/** The class that a refusal is told in; without it, and where a tool may not answer with a message (0.2), as plain text. */
function takeMessages(exports: Exports, form: Form): Exports | undefined {
  const { ToolMessage, isDirectToolOutput } = exports;
  if (typeof ToolMessage !== 'function') return undefined;
  if (typeof isDirectToolOutput === 'function') form.toolMessage = ToolMessage as NonNullable<Form['toolMessage']>;
  return exports;
}

/** All that there is of it is loaded, so that each says whether it is armed; the tool is the one of whichever has it. */
async function probe(load: (specifier: string) => Promise<Exports>): Promise<unknown> {
  const parts = ['@langchain/core/tools', '@langchain/core/language_models/chat_models', 'langchain', '@langchain/langgraph/prebuilt'];
  const loaded = await Promise.allSettled(parts.map(load));
  const tool = loaded.flatMap((part) => (part.status === 'fulfilled' ? [part.value['tool']] : [])).find((one) => typeof one === 'function');
  if (tool === undefined) throw (loaded[0] as PromiseRejectedResult).reason;
  const own = (tool as MakeTool)(async () => 'ok', { name: PROBE_TOOL, description: 'Does nothing.' });
  return own.invoke('probe');
}

type MakeTool = (run: () => Promise<string>, fields: object) => { invoke(input: string): Promise<unknown> };
