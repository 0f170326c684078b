import { guarded } from '../../errors.js';
import type { ModelCall, Reason } from '../../types.js';
import { Utterance } from '../ai/reason.js';
import { patchesEnabled } from '../arming.js';
import { patchInherited } from '../patching.js';
import { requestOf } from './request.js';
import { type AdkRun, adkRuns } from './run.js';
import { type Event, type FunctionCall, isRecord, type LlmRequest, type Method, type Part, type Response, textOf } from './types.js';

/** Requests on their way to a model, with the run that they belong to. */
const underWay = new WeakMap<object, AdkRun>();

/** Calls that a model asked for, until the event that gives them an id. */
const heard = new WeakMap<
  FunctionCall,
  { readonly run: AdkRun; readonly call: ModelCall; readonly reason: Reason | undefined; readonly runs: boolean }
>();

/** Wraps `LlmAgent.handleBeforeModelCallback`: the model that the request goes to next, whatever its class, is observed. */
export function observedBeforeModel(original: Method): Method {
  return function (this: unknown, ...args) {
    guarded('observing a model', () => {
      const [, request] = args;
      const run = patchesEnabled() ? adkRuns.get() : undefined;
      const llm: unknown = isRecord(this) ? this['canonicalModel'] : undefined;
      if (run === undefined || !isRecord(request) || !isRecord(llm)) return;
      underWay.set(request, run);
      patchInherited(llm, 'generateContentAsync', observedCall);
    });
    return Reflect.apply(original, this, args);
  };
}

/** A model that hands a request on to others is measured once. */
function observedCall(original: Method): Method {
  return function (this: unknown, ...args) {
    const responses = Reflect.apply(original, this, args) as AsyncGenerator<unknown>;
    const [request] = args;
    const run = isRecord(request) ? underWay.get(request) : undefined;
    if (run === undefined || !isRecord(request)) return responses;
    underWay.delete(request);
    return listening(responses, request, this, run);
  };
}

async function* listening(responses: AsyncGenerator<unknown>, request: LlmRequest, llm: unknown, run: AdkRun): AsyncGenerator<unknown> {
  run.takenUp.modelCall();
  const call = guarded('measuring a model call', () => run.session.modelCall(requestOf(request, llm)));
  const words = new Words();
  try {
    for await (const response of responses) {
      if (call)
        guarded('reading the model response', () => words.hear(response as Response, { run, call, toolsDict: request.toolsDict ?? {} }));
      yield response;
    }
  } finally {
    guarded('ending the model call', () => call?.done());
  }
}

/** What a model says in one call: whole, and in pieces where it is streamed, which counts only where the whole does not come. */
class Words {
  private readonly whole = new Utterance();
  private readonly pieces = new Utterance();

  hear({ content, partial }: Response, { run, call, toolsDict }: { run: AdkRun; call: ModelCall; toolsDict: object }): void {
    const utterance = partial === true ? this.pieces : this.whole;
    for (const part of content?.parts ?? []) {
      const { functionCall } = part;
      listen(utterance, part);
      if (functionCall === undefined) continue;
      const reason = this.whole.reason() ?? this.pieces.reason();
      heard.set(functionCall, { run, call, reason, runs: Object.hasOwn(toolsDict, String(functionCall.name)) });
    }
  }
}

function listen(utterance: Utterance, { text, thought, thoughtSignature }: Part): void {
  utterance.hear({ type: thought === true ? 'reasoning' : 'text', text });
  // Thinking that is handed out encrypted only, and has to be sent back.
  if (typeof thoughtSignature === 'string')
    utterance.hear({ type: 'reasoning', providerMetadata: { google: { redactedData: thoughtSignature } } });
}

/** Wraps `PluginManager.runOnEventCallback`: each event passes here before the framework acts on it, its calls with their ids. */
export function observedEvent(original: Method): Method {
  return function (this: unknown, ...args) {
    const { event } = (isRecord(args[0]) ? args[0] : {}) as { readonly event?: Event };
    if (patchesEnabled()) guarded('reading an event', () => announce(event));
    return Reflect.apply(original, this, args);
  };
}

function announce(event: Event | undefined): void {
  for (const { functionCall } of event?.content?.parts ?? []) {
    const asked = functionCall && heard.get(functionCall);
    const callId = textOf(functionCall?.id);
    if (functionCall === undefined || asked === undefined || callId === undefined) continue;
    heard.delete(functionCall);
    asked.run.asked(asked.call, [{ callId, toolName: String(functionCall.name), runs: asked.runs }], asked.reason);
  }
}
