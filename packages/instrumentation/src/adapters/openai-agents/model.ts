import { guarded } from '../../errors.js';
import { currentSession, sessionForAction } from '../../session.js';
import type { ModelCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { requestOf, runsOf } from './request.js';
import { type AgentRun, currentRun } from './run.js';
import { isRecord, type ModelRequest } from './types.js';
import { askedIn } from './words.js';

type Call = (...args: never[]) => unknown;

/** Wraps `getResponseWithRetry`, through which the runner calls every model. */
export function observedResponse(original: Call): (this: unknown, ...args: unknown[]) => unknown {
  return async function (this: unknown, ...args) {
    const response = begin(args);
    try {
      const result: unknown = await Reflect.apply(original, this, args as never[]);
      response?.output(result);
      return result;
    } finally {
      response?.end();
    }
  };
}

/** Wraps `getStreamedResponseWithRetry`. */
export function observedStream(original: Call): (this: unknown, ...args: unknown[]) => unknown {
  return async function* (this: unknown, ...args) {
    const response = begin(args);
    try {
      for await (const event of Reflect.apply(original, this, args as never[]) as AsyncIterable<unknown>) {
        if (isRecord(event) && event['type'] === 'response_done') response?.output(event['response']);
        yield event;
      }
    } finally {
      response?.end();
    }
  };
}

function begin([model, request]: unknown[]): Response | undefined {
  if (!patchesEnabled() || !isRecord(request)) return undefined;
  return guarded('measuring a model call', () => {
    const run = currentRun();
    const session = run?.scope.session ?? currentSession() ?? sessionForAction();
    guarded('reading approvals', () => run?.hosted.sent(request.input, session));
    const sent = { ...requestOf(model, request), conversationId: run?.conversationId };
    return new Response(session.modelCall(sent), request, run);
  });
}

/** The response to one model call. None of its methods throws. */
class Response {
  constructor(
    private readonly call: ModelCall,
    private readonly request: ModelRequest,
    private readonly run: AgentRun | undefined,
  ) {}

  output(response: unknown): void {
    guarded('reading the model response', () => {
      const output = isRecord(response) ? response['output'] : undefined;
      const { run } = this;
      const calls = askedIn(output, run ? runsOf(this.request) : new Set());
      for (const { reason, ...call } of calls) this.call.asked([call], reason);
      if (run === undefined) return;
      // Some providers number the calls of each response from one.
      for (const { callId } of calls) run.before.delete(callId);
      const { session } = run.scope;
      run.asked = { session, callIds: calls.flatMap(({ callId, runs }) => (runs ? [callId] : [])) };
      run.hosted.received(output, session);
    });
  }

  end(): void {
    guarded('ending the model call', () => this.call.done());
  }
}
