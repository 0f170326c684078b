import { runAction } from '../../action.js';
import type { Answer } from '../../guard.js';
import type { ActionStatus, ActiveSession } from '../../types.js';
import { callIdOf, isRecord, parsed, recordsIn, textOf } from './types.js';

type Item = Readonly<Record<string, unknown>>;

/** What is among the provider's calls without being one. */
const NO_CALL: ReadonlySet<string> = new Set(['mcp_list_tools', 'mcp_approval_request', 'mcp_approval_response']);

/** Of a run: remembered at most, for requests that nobody ever answers. */
const LIMIT = 1000;

/**
 * Tools that run at the provider: hosted MCP servers, web search and the like. They are known only by their results: intent and
 * outcome are recorded then, as what was reported. Whether a human approved one stands in what the model is sent next.
 */
export class Hosted {
  private readonly requests = new Map<string, Item>();
  private readonly answers = new Map<string, boolean>();

  /**
   * Reads the answers to approval requests from what is sent; a call that was refused never runs. What comes before something that the
   * model said is history, which may be that of another run: it is on record there.
   */
  sent(input: unknown, session: ActiveSession): void {
    const items = recordsIn(input);
    const history = items.findLastIndex(isSaid);
    for (const [index, item] of items.entries()) {
      const data = dataOf(item);
      if (item['name'] === 'mcp_approval_request') this.asked(item);
      if (item['name'] !== 'mcp_approval_response') continue;
      const id = data['approval_request_id'];
      if (typeof id !== 'string' || typeof data['approve'] !== 'boolean' || this.answers.has(id)) continue;
      this.answers.set(id, data['approve']);
      if (!data['approve'] && index > history) record(this.requests.get(id), id, session, [{ decision: 'denied' }]);
    }
  }

  /** Reads requests for approval, and the results of calls, from a response. */
  received(output: unknown, session: ActiveSession): void {
    for (const item of recordsIn(output)) {
      if (item['type'] !== 'hosted_tool_call') continue;
      const name = textOf(item['name']);
      if (name === 'mcp_approval_request') this.asked(item);
      if (NO_CALL.has(name) || item['status'] === 'in_progress') continue;
      const approval = dataOf(item)['approval_request_id'];
      const approved = typeof approval === 'string' && this.answers.get(approval) === true;
      record(item, callIdOf(item), session, approved ? [{ decision: 'approved' }] : []);
    }
  }

  private asked(item: Item): void {
    const id = textOf(dataOf(item)['id']) || textOf(item['id']);
    if (id === '' || this.requests.size >= LIMIT) return;
    this.requests.set(id, item);
  }
}

/** Whether a model said it: words, thoughts, calls. */
function isSaid({ type, role, name }: Item): boolean {
  if (type === 'hosted_tool_call') return name !== 'mcp_approval_response';
  return role === 'assistant' || type === 'reasoning' || (typeof type === 'string' && type.endsWith('_call'));
}

function record(item: Item | undefined, callId: string | undefined, session: ActiveSession, approvals: Answer['approvals']): void {
  const data = item ? dataOf(item) : {};
  const failed = (data['error'] !== undefined && data['error'] !== null) || item?.['status'] === 'failed';
  const status: ActionStatus = failed ? 'error' : 'ok';
  const tool = { name: nameOf(item, data), type: 'extension', callId };
  const call = { tool, arguments: argumentsOf(item, data), session, approvals, statusOf: () => status, refused: () => undefined };
  runAction<unknown>(call, () => item?.['output']);
}

function nameOf(item: Item | undefined, data: Item): string {
  const own = textOf(data['name']) || textOf(item?.['name']) || 'unknown';
  const server = textOf(data['server_label']);
  return server === '' ? own : `${server}.${own}`;
}

/** Of an MCP call its own, as JSON text; of other tools what the provider says that it was asked for. */
function argumentsOf(item: Item | undefined, data: Item): unknown {
  const own = data['arguments'] ?? item?.['arguments'];
  return own === undefined ? (data['action'] ?? data['queries'] ?? data['code'] ?? {}) : parsed(own);
}

function dataOf(item: Item): Item {
  return isRecord(item['providerData']) ? item['providerData'] : {};
}
