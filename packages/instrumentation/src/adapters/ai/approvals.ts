import type { Answer } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { recordDenied } from '../denied.js';
import { type AgentRun, callInMessages } from './run.js';
import type { Part, ToolOptions } from './types.js';

/** What a human decided about one tool call, as the conversation says that a run is given. */
interface Decision {
  readonly callId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly providerExecuted: boolean;
  readonly approved: boolean;
  /** The part that says so. */
  readonly answer: Part;
}

type Messages = NonNullable<ToolOptions['messages']>;

/**
 * The decisions that a run goes on from, read as the framework reads them: answers in the last message, one for each call that has
 * no result yet. What a function of the application decided by itself (`toolApproval` of ai 7) is marked as automatic, and is no
 * human's word.
 */
function decisionsIn(messages: Messages): Decision[] {
  const last = messages.at(-1);
  if (last?.role !== 'tool') return [];
  const asked = messages.filter(({ role }) => role === 'assistant').flatMap(partsOf);
  const requests = new Map(asked.flatMap((part) => (part.type === 'tool-approval-request' ? [[part.approvalId, part]] : [])));
  const calls = new Map(asked.flatMap((part) => (part.type === 'tool-call' ? [[part.toolCallId, part]] : [])));
  const results = new Map(partsOf(last).flatMap((part) => (part.type === 'tool-result' ? [[part.toolCallId, part]] : [])));
  const decided = new Map<string, Decision>();
  for (const answer of partsOf(last)) {
    const { type, approvalId, approved } = answer;
    if (type !== 'tool-approval-response' || typeof approved !== 'boolean') continue;
    const request = requests.get(approvalId);
    const { toolCallId: callId, toolName, input, providerExecuted } = calls.get(request?.toolCallId) ?? {};
    if (request?.isAutomatic === true || typeof callId !== 'string' || typeof toolName !== 'string' || decided.has(callId)) continue;
    // In ai 7 a denial comes with the result that the model is told of it.
    const result = results.get(callId);
    if (result !== undefined && (approved || !isDenial(result))) continue;
    decided.set(callId, { callId, toolName, input, providerExecuted: providerExecuted === true, approved, answer });
  }
  return [...decided.values()];
}

function partsOf({ content }: Messages[number]): Part[] {
  return Array.isArray(content) ? (content as Part[]) : [];
}

function isDenial({ output }: Part): boolean {
  return typeof output === 'object' && output !== null && 'type' in output && output.type === 'execution-denied';
}

/**
 * The approval of a call that the framework is about to run. Before the first model call it runs what was approved and nothing else;
 * who approved it, it does not know.
 */
export function approvalsOf({ toolCallId, messages = [] }: ToolOptions, run: AgentRun | undefined): Answer['approvals'] {
  if (run === undefined || run.calls.requested) return [];
  const approved = decisionsIn(messages).some((decision) => decision.approved && decision.callId === toolCallId);
  return approved ? [{ decision: 'approved' }] : [];
}

/** Denials on record: a run that is tried again is given the same ones again. */
const recorded = new WeakSet<Part>();

/**
 * At the start of a run: calls that a human denied go on record as such; the framework tells the model, and that is all that becomes
 * of them. Those that the provider is going to run now are remembered until their results come.
 *
 * @param conversation `messages`, or a `prompt` that is a list of them
 */
export function observeDecisions(conversation: unknown, run: AgentRun): void {
  if (!Array.isArray(conversation)) return;
  const messages = conversation as Messages;
  for (const decision of decisionsIn(messages)) {
    const { callId, toolName: name, input, answer } = decision;
    if (decision.approved) {
      if (decision.providerExecuted) run.providerCalls.set(callId, { name, input, approved: true });
    } else if (!recorded.has(answer)) {
      recorded.add(answer);
      recordDenied(() => described(decision, messages, run));
    }
  }
}

function described(
  { callId, toolName: name, input, providerExecuted }: Decision,
  messages: Messages,
  { session }: AgentRun,
): ActionCall<unknown> {
  const tool = { name, type: providerExecuted ? 'extension' : 'function', callId };
  return { tool, arguments: input, reason: callInMessages({ toolCallId: callId, messages })?.utterance.reason(), session };
}
