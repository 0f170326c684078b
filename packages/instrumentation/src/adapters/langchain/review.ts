import { toCanonical } from '@agent-custody/chain';
import { isRecord, isToolCall, type Message, type ToolCall } from './types.js';

/** What a human decided about one tool call. */
export interface Decided {
  readonly call: ToolCall & { readonly id: string };
  /** What may run in its place, with what the human changed; undefined when the human refused it. */
  readonly runs: { readonly name: string; readonly args: unknown } | undefined;
}

interface Review {
  readonly request: { readonly name: string; readonly args: unknown };
  readonly runs: Decided['runs'];
}

/**
 * Reads a request for decisions and the answer to it, in the form of `humanInTheLoopMiddleware` (`HITLRequest`, `HITLResponse`),
 * which applications and their user interfaces use with `interrupt` of their own too. An answer that the middleware refuses, in
 * whichever part, decides nothing; neither does any other question.
 *
 * @param messages of the state: what is decided about are calls of the last answer of the model
 */
export function decisionsIn(asked: unknown, answer: unknown, messages: readonly Message[]): Decided[] {
  const reviews = reviewsIn(asked, answer);
  const calls = messages.findLast(({ tool_calls: list }) => Array.isArray(list) && list.length > 0)?.tool_calls as unknown[] | undefined;
  return matched(reviews, (calls ?? []).filter(isIdentified));
}

function reviewsIn(asked: unknown, answer: unknown): Review[] {
  const { actionRequests, reviewConfigs } = isRecord(asked) ? asked : {};
  const decisions = isRecord(answer) ? answer['decisions'] : undefined;
  if (!Array.isArray(actionRequests) || !Array.isArray(reviewConfigs) || !Array.isArray(decisions)) return [];
  if (decisions.length !== actionRequests.length) return [];
  const reviews = (actionRequests as unknown[]).map((request, at) => reviewOf(request, reviewConfigs, decisions[at]));
  return reviews.every((review) => review !== undefined) ? reviews : [];
}

/** As the middleware checks it. */
function reviewOf(request: unknown, configs: readonly unknown[], decision: unknown): Review | undefined {
  if (!isToolCall(request) || !isRecord(decision)) return undefined;
  const { type, editedAction, message } = decision;
  const config = configs.find((one) => isRecord(one) && one['actionName'] === request.name) as { allowedDecisions?: unknown } | undefined;
  if (!Array.isArray(config?.allowedDecisions) || !config.allowedDecisions.includes(type)) return undefined;
  switch (type) {
    case 'approve':
      return { request, runs: request };
    case 'edit':
      return isToolCall(editedAction) && isRecord(editedAction.args) ? { request, runs: editedAction } : undefined;
    case 'reject':
      return message === undefined || typeof message === 'string' ? { request, runs: undefined } : undefined;
    default:
      return undefined;
  }
}

/**
 * A request names a tool and its arguments, and no call. The middleware hands on the arguments of the call themselves; else they
 * are compared, and where more calls are alike than were asked about, it cannot be told which of them was meant.
 */
function matched(reviews: readonly Review[], calls: readonly Decided['call'][]): Decided[] {
  const left = new Set(calls);
  return reviews.flatMap(({ request, runs }) => {
    const alike = calls.filter((call) => isAlike(call, request));
    const same = alike.filter(({ args }) => args === request.args);
    const known = same.length > 0 || alike.length === reviews.filter((review) => isAlike(review.request, request)).length;
    const call = (same.length > 0 ? same : alike).find((one) => left.has(one));
    if (!known || call === undefined) return [];
    left.delete(call);
    return [{ call, runs }];
  });
}

function isAlike(one: Review['request'], other: Review['request']): boolean {
  return one.name === other.name && toCanonical(one.args).text === toCanonical(other.args).text;
}

function isIdentified(call: unknown): call is Decided['call'] {
  return isToolCall(call) && typeof call.id === 'string' && call.id !== '';
}
