import { guarded } from '../errors.js';
import { runInSession } from '../session.js';
import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { patchesEnabled, runOptions } from './arming.js';
import { listen } from './openai/completion.js';
import { probeRunTools } from './openai/probe.js';
import { OpenAiRun, openAiRuns } from './openai/run.js';
import { observedTools } from './openai/tools.js';
import type { CompletionParams, Runner, RunParams } from './openai/types.js';
import { patchClass } from './patching.js';

/**
 * `openai` 6 and 7: `chat.completions.runTools`, streaming and not. The loop is one method of the runners' base class, and each model
 * call in it another one; the functions of the tools are wrapped for the run. Calls of the API without a loop run no tools and are
 * left alone.
 */
export const openAiAdapter: Adapter = {
  name: 'openai',
  targets: ['mjs', 'js'].flatMap((extension) => [
    file(
      `lib/AbstractChatCompletionRunner.${extension}`,
      (exports) =>
        patchClass<RunTools>(exports, 'AbstractChatCompletionRunner', '_runTools', runsTools) &&
        patchClass<Create>(exports, 'AbstractChatCompletionRunner', '_createChatCompletion', observed),
    ),
    file(`lib/ChatCompletionStream.${extension}`, (exports) =>
      patchClass<Create>(exports, 'ChatCompletionStream', '_createChatCompletion', observed),
    ),
  ]),
  probe: (load) => probeRunTools(load, PROBE_TOOL),
};

type RunTools = (this: unknown, client: unknown, params: RunParams, runner: Runner, ...rest: unknown[]) => Promise<unknown>;
type Create = (this: unknown, client: unknown, params: CompletionParams, ...rest: unknown[]) => Promise<unknown>;

function file(path: string, patch: (exports: Exports) => Exports | undefined) {
  return target({ packageName: 'openai', versions: ['>=6 <8'], file: path, main: false, classesOnly: true, patch });
}

function runsTools(original: RunTools): RunTools {
  return function (client, params, runner, ...rest) {
    if (!patchesEnabled()) return Reflect.apply(original, this, [client, params, runner, ...rest]);
    const signal = runner?.controller?.signal;
    // An abort arrives as an error of the package's own; the signal says what it was.
    const outcomeOf = () => (signal?.aborted ? 'cancelled' : undefined);
    return runInSession({ ...runOptions(), automatic: true, outcomeOf }, async (session) => {
      const run = new OpenAiRun(session, params, signal);
      const seen = guarded('observing the tools', () => observedTools(params, run)) ?? params;
      try {
        const result = await openAiRuns.within(run, () => Reflect.apply(original, this, [client, seen, runner, ...rest]));
        if (run.only !== undefined) guarded('ending a run', () => run.forgo());
        return result;
      } catch (error) {
        guarded('ending a run', () => run.forgo());
        throw error;
      }
    });
  };
}

function observed(original: Create): Create {
  return function (client, params, ...rest) {
    const run = patchesEnabled() ? openAiRuns.get() : undefined;
    const execute = (): Promise<unknown> => Reflect.apply(original, this, [client, params, ...rest]);
    return run === undefined ? execute() : listen(run, params, execute);
  };
}
