import { guarded } from '../../errors.js';
import { patchesEnabled } from '../arming.js';
import { observedModel, unobservedModel } from './model.js';
import { type MastraRun, mastraRuns } from './run.js';
import { recordedSet } from './tools.js';
import { isRecord, type Method } from './types.js';

/** Wraps `Agent.resolveInputProcessors`: a processor may put another model and other tools in the place of those of a step. */
export function observedProcessors(original: Method): Method {
  return async function (this: unknown, ...args) {
    const processors: unknown = await Reflect.apply(original, this, args);
    const run = patchesEnabled() ? mastraRuns.get() : undefined;
    if (run === undefined || !Array.isArray(processors)) return processors;
    return guarded('observing processors', () => processors.map((processor) => observedProcessor(processor, run))) ?? processors;
  };
}

function observedProcessor(processor: unknown, run: MastraRun): unknown {
  if (!isRecord(processor) || typeof processor['processInputStep'] !== 'function') return processor;
  return new Proxy(processor, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || property === 'constructor') return value;
      const bound = value.bind(target) as Method;
      return property === 'processInputStep' ? observedStep(bound, run) : bound;
    },
  });
}

/** Wraps `Agent.getDefaultOptions`, which may hold a `prepareStep` for every run. */
export function observedDefaults(original: Method): Method {
  return function (this: unknown, ...args) {
    const options: unknown = Reflect.apply(original, this, args);
    const run = patchesEnabled() ? mastraRuns.get() : undefined;
    if (run === undefined) return options;
    return options instanceof Promise ? options.then((own) => withStep(own, run)) : withStep(options, run);
  };
}

/** The options of a run, its `prepareStep` observed; the very object where it has none. */
export function withStep(options: unknown, run: MastraRun): unknown {
  if (!isRecord(options) || typeof options['prepareStep'] !== 'function') return options;
  return { ...options, prepareStep: observedStep(options['prepareStep'] as Method, run) };
}

/** Sees the application's own model, and what it answers is observed. */
function observedStep(prepare: Method, run: MastraRun): Method {
  return async function (this: unknown, input, ...rest) {
    const shown = isRecord(input) && 'model' in input ? { ...input, model: unobservedModel(input['model']) } : input;
    const step: unknown = await Reflect.apply(prepare, this, [shown, ...rest]);
    return guarded('observing a step', () => withOwn(step, run)) ?? step;
  };
}

function withOwn(step: unknown, run: MastraRun): unknown {
  if (!isRecord(step)) return step;
  const changed: Record<string, unknown> = {};
  if ('model' in step) changed['model'] = observedModel(unobservedModel(step['model']), run);
  if (isRecord(step['tools'])) changed['tools'] = recordedSet(step['tools'], run);
  return Object.keys(changed).length === 0 ? step : { ...step, ...changed };
}
