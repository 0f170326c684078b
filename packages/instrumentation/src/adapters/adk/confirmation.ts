import { isRecord, type Tool, type ToolContext } from './types.js';

/** On a tool that runs a node of a workflow. */
const NODE_TOOL = Symbol.for('google.adk.workflow.nodeTool');

/**
 * What a human answered to the framework's question whether this call may run (`adk_request_confirmation`), whether the tool asks
 * (`requireConfirmation`, `requestConfirmation`) or a plugin does; undefined before an answer. Who answered the framework does not say.
 */
export function confirmationOf(tool: Tool, { toolConfirmation }: ToolContext): boolean | undefined {
  // A node that asked a human for input gets that input in the form of a confirmation that nobody gave.
  if (NODE_TOOL in tool || !isRecord(toolConfirmation)) return undefined;
  // As the framework reads it: only `true` is a yes.
  return toolConfirmation['confirmed'] === true;
}
