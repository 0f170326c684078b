import { runAction } from '../action.js';
import { type Adapter, PROBE_TOOL, type Target, target } from './adapter.js';
import { patchesEnabled } from './arming.js';
import { type CallTool, describe } from './mcp/call.js';
import { asThrown, named } from './mcp/errors.js';
import { probeClient } from './mcp/probe.js';
import { withTraceContext } from './mcp/propagation.js';
import { followed } from './mcp/task-stream.js';
import { patchClass } from './patching.js';

/**
 * MCP clients: `@modelcontextprotocol/sdk` 1 and `@modelcontextprotocol/client` 2, both by the methods of their classes, for each
 * module system a class of its own. What a server lists is not taken into the fingerprint: that is measured from what a model is
 * sent, and a listed tool may never be offered to one.
 */
export const mcpAdapter: Adapter = {
  name: 'mcp',
  marks: [/has an output[ ]schema but did not return structured content/],
  targets: [
    ...['esm', 'cjs'].flatMap((form) => [
      first(`dist/${form}/client/index.js`, (exports) => patchClass<CallTool>(exports, 'Client', 'callTool', recorded)),
      first(`dist/${form}/experimental/tasks/client.js`, (exports) =>
        patchClass<CallTool>(exports, 'ExperimentalClientTasks', 'callToolStream', recordedStream),
      ),
    ]),
    ...['mjs', 'cjs'].map((extension) =>
      target({
        packageName: '@modelcontextprotocol/client',
        versions: ['>=2 <3'],
        file: `dist/index.${extension}`,
        main: true,
        classesOnly: true,
        patch: (exports) => patchClass<CallTool>(exports, 'Client', 'callTool', recorded),
      }),
    ),
  ],
  probe: (load) => probeClient(load, PROBE_TOOL),
};

function first(file: string, patch: Target['patch']) {
  return target({ packageName: '@modelcontextprotocol/sdk', versions: ['>=1 <2'], file, main: false, classesOnly: true, patch });
}

function recorded(original: CallTool): CallTool {
  return function (params, ...rest) {
    if (!patchesEnabled() || typeof params?.name !== 'string') return Reflect.apply(original, this, [params, ...rest]);
    const call = describe(params, rest);
    const execute = (): unknown => named(Reflect.apply(original, this, [withTraceContext(params), ...rest]), call.signal);
    // A refusal is at hand at once; the method answers a promise all the same.
    return asThrown(Promise.resolve(runAction(call, execute)));
  };
}

/** Version 1 runs tools that are tasks on the server through a stream of messages; the last one is the result or the error. */
function recordedStream(original: CallTool): CallTool {
  return function (params, ...rest) {
    if (!patchesEnabled() || typeof params?.name !== 'string') return Reflect.apply(original, this, [params, ...rest]);
    return followed(describe(params, rest), () => Reflect.apply(original, this, [withTraceContext(params), ...rest]));
  };
}
