import { guarded } from '../../errors.js';
import { Response, requestOf } from './response.js';
import type { AgentRun } from './run.js';
import { passThrough } from './stream.js';
import { type CallOptions, type GenerateResult, isModel, type Model, type StreamResult } from './types.js';

const observed = new WeakMap<object, Model>();

/**
 * The same model, its calls observed for `run`. A proxy: the model stays what it is (class, private fields, getters), and the
 * application's own object is not touched.
 */
function observeModel(model: Model, run: AgentRun): Model {
  if (observed.has(model)) return model;
  const proxy = new Proxy(model, {
    get(target, property) {
      if (property === 'doGenerate') return (options: CallOptions) => generate(target, options, run);
      if (property === 'doStream') return (options: CallOptions) => stream(target, options, run);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  observed.set(proxy, model);
  return proxy;
}

/** The model that the application gave, where `value` is one of ours. */
export function unobserved(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (observed.get(value) ?? value) : value;
}

/** Observes `model` where it is one, by name too: `resolve` answers what the framework would make of the name. */
export function observeReference(model: unknown, run: AgentRun, resolve: (name: string) => unknown): unknown {
  const found = typeof model === 'string' ? guarded('resolving a model by name', () => resolve(model)) : model;
  // A name that does not resolve stays a name: the framework's own error is the one to see.
  return isModel(found) ? observeModel(found, run) : model;
}

function begin(model: Model, options: CallOptions, run: AgentRun): Response | undefined {
  return guarded('measuring a model call', () => new Response(run, run.session.modelCall(requestOf(model, options))));
}

async function generate(model: Model, options: CallOptions, run: AgentRun): Promise<GenerateResult> {
  const response = begin(model, options, run);
  try {
    const result = await model.doGenerate(options);
    for (const part of result.content ?? []) response?.part(part);
    response?.end();
    return result;
  } finally {
    response?.settled();
  }
}

async function stream(model: Model, options: CallOptions, run: AgentRun): Promise<StreamResult> {
  const response = begin(model, options, run);
  try {
    const result = await model.doStream(options);
    if (response === undefined) return result;
    const watched = passThrough(result.stream, { value: (part) => response.part(part), closed: () => response.end() });
    return { ...result, stream: watched };
  } finally {
    response?.settled();
  }
}
