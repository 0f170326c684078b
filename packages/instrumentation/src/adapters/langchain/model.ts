import { guarded } from '../../errors.js';
import { currentSession, sessionForAction } from '../../session.js';
import type { ActiveSession, ModelCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { remember } from './asked.js';
import { requestOf } from './request.js';
import { threadOf } from './thread.js';
import { type ChatModel, isRecord, type Message } from './types.js';
import { Words } from './words.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Wraps a method of BaseChatModel that sends something: it runs with a stand-in for the model, whose `_generate` and streaming
 * methods, the very ones that reach the provider, are observed. So whatever calls the model (an agent, a chain, the application) is
 * measured by what is really sent, and what comes from a cache is not sent.
 */
export function observed(base: object): (original: Method) => Method {
  return (original) =>
    function (this: unknown, ...args) {
      const model = patchesEnabled() ? guarded('observing a model', () => standIn(this as ChatModel, base)) : undefined;
      return Reflect.apply(original, model ?? this, args);
    };
}

/** A proxy: everything else is the model's own, and its methods run on the model itself, so that private fields work. */
function standIn(model: ChatModel, base: object): ChatModel {
  return new Proxy(model, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || property === 'constructor') return value;
      const method = value as Method;
      switch (property) {
        case '_generate':
          return (...args: unknown[]) => generated(target, method, args);
        case '_streamResponseChunks':
        case '_streamChatModelEvents':
          // LangChain asks whether the model has its own; its default one comes back here by the other.
          return value === Reflect.get(base, property) ? value : (...args: unknown[]) => streamed(target, method, args);
        default:
          return method.bind(target);
      }
    },
  });
}

async function generated(model: ChatModel, method: Method, args: unknown[]): Promise<unknown> {
  const response = begin(model, args);
  try {
    const result = await Reflect.apply(method, model, args);
    response?.result(result);
    return result;
  } finally {
    response?.end();
  }
}

async function* streamed(model: ChatModel, method: Method, args: unknown[]): AsyncGenerator<unknown, void, undefined> {
  const response = begin(model, args);
  try {
    for await (const piece of Reflect.apply(method, model, args) as AsyncIterable<unknown>) {
      response?.piece(piece);
      yield piece;
    }
  } finally {
    response?.end();
  }
}

function begin(model: ChatModel, [messages, options]: unknown[]): Response | undefined {
  return guarded('measuring a model call', () => {
    const session = currentSession() ?? sessionForAction();
    const sent = { ...requestOf(model, messages as readonly Message[], options), conversationId: threadOf(session) };
    return new Response(session, session.modelCall(sent));
  });
}

/** The response to one model call. None of its methods throws. */
class Response {
  private readonly words = new Words();

  constructor(
    private readonly session: ActiveSession,
    private readonly call: ModelCall,
  ) {}

  /** Of several candidates the first is the one that goes on. */
  result(result: unknown): void {
    guarded('reading the model response', () => {
      const generations: unknown = isRecord(result) ? result['generations'] : undefined;
      const first: unknown = Array.isArray(generations) ? generations[0] : undefined;
      if (isRecord(first) && isRecord(first['message'])) this.words.message(first['message']);
    });
  }

  /** A chunk, or an event of the newer protocol. */
  piece(piece: unknown): void {
    guarded('reading the model response', () => {
      if (!isRecord(piece)) return;
      if (isRecord(piece['message'])) this.words.message(piece['message']);
      if (piece['event'] === 'content-block-finish') this.words.block(piece['content'] ?? piece['contentBlock']);
    });
  }

  end(): void {
    guarded('ending the model call', () => {
      remember(this.session, this.call, this.words.asked());
      this.call.done();
    });
  }
}
