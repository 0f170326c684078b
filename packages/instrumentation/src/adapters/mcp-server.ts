import { runAction } from '../action.js';
import { guarded } from '../errors.js';
import { type Adapter, PROBE_TOOL, target } from './adapter.js';
import { patchesEnabled } from './arming.js';
import { callInFlight } from './calls-in-flight.js';
import { probeServer } from './mcp/probe.js';
import { callerContext, isCallInFlight } from './mcp-server/caller.js';
import { type CallToolHandler, describeRequest, type ToolRequest } from './mcp-server/request.js';
import { inCallersSession } from './mcp-server/session.js';
import { patchClass } from './patching.js';

/**
 * MCP servers: `@modelcontextprotocol/sdk` 1 and `@modelcontextprotocol/server` 2. What is wrapped is the handler of `tools/call`, as
 * it is registered: high-level servers (`McpServer`) register theirs through the same method as low-level ones (`Server`).
 *
 * A call whose caller is recorded too is a session of its own, child of the caller's intent: the caller says what it asked for, the
 * server what it did. The tool is an action of that session, and what it does inside (agents, audited functions, other tools) lies
 * within. A call of nobody that is recorded goes to the current session, else to the process's. A call from the same process is
 * under way as an action there already, and is not recorded twice.
 */
export const mcpServerAdapter: Adapter = {
  name: 'mcp-server',
  targets: [
    ...['esm', 'cjs'].map((form) =>
      target({
        packageName: '@modelcontextprotocol/sdk',
        versions: ['>=1 <2'],
        file: `dist/${form}/server/index.js`,
        main: false,
        classesOnly: true,
        patch: (exports) => patchClass<Register>(exports, 'Server', 'setRequestHandler', registersFirst),
      }),
    ),
    ...['mjs', 'cjs'].map((extension) =>
      target({
        packageName: '@modelcontextprotocol/server',
        versions: ['>=2 <3'],
        file: `dist/index.${extension}`,
        main: true,
        classesOnly: true,
        patch: (exports) => patchClass<Register>(exports, 'Server', '_wrapHandler', registersSecond),
      }),
    ),
  ],
  probe: (load) => probeServer(load, PROBE_TOOL),
};

type Register = (this: unknown, method: unknown, handler: unknown, ...rest: unknown[]) => unknown;

/** Version 1 names the method by a schema of the request. */
function registersFirst(original: Register): Register {
  return function (schema, handler, ...rest) {
    const wrapped = guarded('reading a request schema', () => methodOf(schema)) === 'tools/call' ? recorded(handler) : handler;
    return Reflect.apply(original, this, [schema, wrapped, ...rest]);
  };
}

/** Version 2 hands each handler to a method that checks what it answers. */
function registersSecond(original: Register): Register {
  return function (method, handler, ...rest) {
    return Reflect.apply(original, this, [method, method === 'tools/call' ? recorded(handler) : handler, ...rest]);
  };
}

/** The literal of a zod schema's `method`, as zod 3 and zod 4 keep it. */
function methodOf(schema: unknown): unknown {
  const { shape, _def: def } = schema as { shape?: unknown; _def?: { shape?: unknown } };
  const given = shape ?? def?.shape;
  const { method } = (typeof given === 'function' ? given() : given) as { method?: { value?: unknown; _def?: { values?: unknown[] } } };
  return method?.value ?? method?._def?.values?.[0];
}

function recorded(handler: unknown): unknown {
  if (typeof handler !== 'function') return handler;
  const run = handler as CallToolHandler;
  return function (this: unknown, request: ToolRequest, ...rest: unknown[]): unknown {
    const execute = (): unknown => Reflect.apply(run, this, [request, ...rest]);
    if (!patchesEnabled() || typeof request?.params?.name !== 'string') return execute();
    const call = guarded('describing a tool call', () => describeRequest(request, rest[0]));
    if (call === undefined) return execute();
    const enter = callInFlight(call.meta);
    if (enter !== undefined) return enter(execute);
    const from = guarded('reading who calls', () => callerContext(call.meta));
    if (from !== undefined && isCallInFlight(from)) return execute();
    return inCallersSession(from, call, () => runAction(call.action, execute));
  };
}
