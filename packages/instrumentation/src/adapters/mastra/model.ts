import { guarded } from '../../errors.js';
import { Response, requestOf } from '../ai/response.js';
import { passThrough } from '../ai/stream.js';
import { type CallOptions, type GenerateResult, isModel, type Model, type Part } from '../ai/types.js';
import { patchesEnabled } from '../arming.js';
import { type MastraRun, mastraRuns } from './run.js';
import { isRecord, type Method } from './types.js';

const observed = new WeakMap<object, Model>();

/** Wraps `Agent.prepareModels`, which answers the models of a run, fallbacks included, in the form that the loop calls. */
export function observedModels(original: Method): Method {
  return async function (this: unknown, ...args) {
    const models: unknown = await Reflect.apply(original, this, args);
    const run = patchesEnabled() ? mastraRuns.get() : undefined;
    if (run === undefined || !Array.isArray(models)) return models;
    return guarded('observing models', () => models.map((entry) => withModel(entry, run))) ?? models;
  };
}

function withModel(entry: unknown, run: MastraRun): unknown {
  return isRecord(entry) ? { ...entry, model: observedModel(entry['model'], run) } : entry;
}

/** A proxy: the model stays what it is, private fields and class included. */
export function observedModel(model: unknown, run: MastraRun): unknown {
  if (!isModel(model) || observed.has(model)) return model;
  const proxy = new Proxy(model, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || property === 'constructor') return value;
      if (property !== 'doGenerate' && property !== 'doStream') return value.bind(target) as unknown;
      return (options: CallOptions) => called(target, value as Method, options, run);
    },
  });
  observed.set(proxy, model);
  return proxy;
}

/** The model that the application gave, where `value` is one of ours. */
export function unobservedModel(value: unknown): unknown {
  return isRecord(value) ? (observed.get(value) ?? value) : value;
}

/** Either method answers a stream: the loop knows no other form. */
type Result = GenerateResult & { readonly stream?: unknown };

async function called(model: Model, method: Method, options: CallOptions, run: MastraRun): Promise<unknown> {
  const response = guarded('measuring a model call', () => {
    run.answered(options);
    return new Response(run, run.session.modelCall(requestOf(model, options)));
  });
  try {
    const result = (await Reflect.apply(method, model, [options])) as Result;
    if (response === undefined) return result;
    if (result.stream instanceof ReadableStream) {
      const stream = result.stream as ReadableStream<Part>;
      return { ...result, stream: passThrough(stream, { value: (part) => response.part(part), closed: () => response.end() }) };
    }
    for (const part of result.content ?? []) response.part(part);
    response.end();
    return result;
  } finally {
    response?.settled();
  }
}
