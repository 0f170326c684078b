import { guarded } from '../errors.js';
import { runInSession } from '../session.js';
import type { SessionOutcome } from '../types.js';
import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { probeToolRunner } from './anthropic/probe.js';
import { AnthropicRun, anthropicRuns } from './anthropic/run.js';
import { observedMember, observedTool } from './anthropic/tools.js';
import type { MessageParams, RunTool, RunToolsetMember, ToolRunner } from './anthropic/types.js';
import { patchesEnabled, runOptions } from './arming.js';
import { patchClass, patchExports } from './patching.js';

/**
 * `@anthropic-ai/sdk` 1: the tool runner (`client.beta.messages.toolRunner`), streaming, eager or neither. Tools run through one
 * function of the package and members of its toolsets through another, and each model call of a runner through `messages.create`.
 * Calls of the API without a runner run no tools and are left alone.
 */
export const anthropicAdapter: Adapter = {
  name: 'anthropic',
  targets: ['mjs', 'js'].flatMap((extension) => [
    file(`lib/tools/BetaToolRunner.${extension}`, true, patchRunner),
    file(`resources/beta/messages/messages.${extension}`, true, (exports) =>
      patchClass<Create>(exports, 'Messages', 'create', observedCreate),
    ),
    file(`lib/tools/BetaRunnableTool.${extension}`, false, (exports) =>
      patchExports(exports, { runRunnableTool: (original) => observedTool(original as unknown as RunTool) as typeof original }),
    ),
    file(`lib/internal/toolsets/run.${extension}`, false, (exports) =>
      patchExports(exports, { runToolsetMember: (original) => observedMember(original as unknown as RunToolsetMember) as typeof original }),
    ),
  ]),
  probe: (load) => probeToolRunner(load, PROBE_TOOL),
};

type Iterate = (this: unknown) => AsyncGenerator<unknown>;
type Method = (this: unknown, ...args: unknown[]) => unknown;
type Create = (this: unknown, params: MessageParams, ...rest: unknown[]) => unknown;

function file(path: string, classesOnly: boolean, patch: (exports: Exports) => Exports | undefined) {
  return target({ packageName: '@anthropic-ai/sdk', versions: ['>=1 <2'], file: path, main: false, classesOnly, patch });
}

function patchRunner(exports: Exports): Exports | undefined {
  return (
    patchClass<Iterate>(exports, 'BetaToolRunner', Symbol.asyncIterator, iterates) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'generateToolResponse', answers) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'setMessagesParams', takesOver)
  );
}

/** Whoever awaits a runner iterates it too. */
function iterates(original: Iterate): Iterate {
  return function () {
    if (!patchesEnabled()) return Reflect.apply(original, this, []);
    return runInSession({ ...runOptions(), automatic: true, outcomeOf }, (session) => {
      const run = new AnthropicRun(session, this as ToolRunner);
      return run.follow(anthropicRuns.within(run, () => Reflect.apply(original, this, [])));
    });
  };
}

/** The package has an error of its own for an abort. */
function outcomeOf(error: unknown): SessionOutcome | undefined {
  return error instanceof Error && error.constructor.name === 'APIUserAbortError' ? 'cancelled' : undefined;
}

/** Called by the application between two messages, it runs the tools there and then. */
function answers(original: Method): Method {
  return function (...args) {
    const execute = (): unknown => Reflect.apply(original, this, args);
    const run = patchesEnabled() ? AnthropicRun.of(this as ToolRunner) : undefined;
    return run === undefined ? execute() : anthropicRuns.enter(run, execute);
  };
}

/** From here on the history is the application's: what it does with calls that are pending is for it to say. */
function takesOver(original: Method): Method {
  return function (...args) {
    guarded('changing a run', () => AnthropicRun.of(this as ToolRunner)?.takeOver());
    return Reflect.apply(original, this, args);
  };
}

function observedCreate(original: Create): Create {
  return function (params, ...rest) {
    const run = patchesEnabled() ? anthropicRuns.get() : undefined;
    if (run !== undefined) guarded('measuring a model call', () => run.sends(params));
    return Reflect.apply(original, this, [params, ...rest]);
  };
}
