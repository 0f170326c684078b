import { guarded } from '../errors.js';
import { runInSession } from '../session.js';
import type { SessionOutcome } from '../types.js';
import { type Adapter, type Exports, PROBE_TOOL, type Target, target } from './adapter.js';
import { type Confirm, observedConfirm, observedDispatches } from './anthropic/confirmations.js';
import { watchedTool, watchTools } from './anthropic/early-tools.js';
import { probeToolRunner } from './anthropic/probe.js';
import { AnthropicRun, anthropicRuns } from './anthropic/run.js';
import { observedMember, observedTool } from './anthropic/tools.js';
import type { MessageParams, RunTool, RunToolsetMember, ToolRunner } from './anthropic/types.js';
import { patchesEnabled, runOptions } from './arming.js';
import { patchClass, patchExports } from './patching.js';

/**
 * `@anthropic-ai/sdk` from 0.63, which is the first with a tool runner (`client.beta.messages.toolRunner`), to 1: streaming, eager or
 * neither, and those of managed sessions (`client.beta.sessions.events.toolRunner`). Tools run through one function of the package and
 * members of its toolsets through another; before 0.134 it is the tools themselves that are watched. Each model call of a runner goes
 * through `messages.create`. Calls of the API without a runner run no tools and are left alone, and so are the versions that have none.
 */
export const anthropicAdapter: Adapter = {
  name: 'anthropic',
  targets: ['mjs', 'js'].flatMap((extension) => [
    file(`lib/tools/BetaToolRunner.${extension}`, '>=0.134 <2', { classesOnly: true, patch: patchRunner }),
    file(`lib/tools/BetaToolRunner.${extension}`, '>=0.63 <0.134', { classesOnly: true, patch: patchEarlyRunner }),
    file(`resources/beta/messages/messages.${extension}`, '>=0.63 <2', { classesOnly: true, patch: patchMessages }),
    file(`resources/beta/messages/messages.${extension}`, '<0.63', { classesOnly: true, toolless: true, patch: (exports) => exports }),
    file(`lib/tools/BetaRunnableTool.${extension}`, '>=0.111 <2', { classesOnly: false, patch: patchRunning(true) }),
    file(`lib/tools/BetaRunnableTool.${extension}`, '>=0.97 <0.111', { classesOnly: false, patch: patchRunning(false) }),
    file(`lib/tools/SessionToolRunner.${extension}`, '>=0.97 <2', {
      classesOnly: true,
      patch: (exports) => patchClass<Iterate>(exports, 'SessionToolRunner', Symbol.asyncIterator, observedDispatches),
    }),
    file(`lib/internal/toolsets/run.${extension}`, '>=0.132 <2', {
      classesOnly: false,
      patch: (exports) =>
        patchExports(exports, {
          runToolsetMember: (original) => observedMember(original as unknown as RunToolsetMember) as typeof original,
        }),
    }),
    file(`lib/internal/toolsets/core.${extension}`, '>=0.132 <2', {
      classesOnly: false,
      patch: (exports) =>
        patchExports(exports, { confirmOrThrow: (original) => observedConfirm(original as unknown as Confirm) as typeof original }),
    }),
  ]),
  probe: (load) => probeToolRunner(load, PROBE_TOOL),
};

type Iterate = (this: unknown) => AsyncGenerator<unknown>;
type Method = (this: unknown, ...args: unknown[]) => unknown;
type Create = (this: unknown, params: MessageParams, ...rest: unknown[]) => unknown;

function file(path: string, versions: string, rest: Pick<Target, 'classesOnly' | 'toolless' | 'patch'>): Target {
  return target({ packageName: '@anthropic-ai/sdk', versions: [versions], file: path, main: false, ...rest });
}

function patchMessages(exports: Exports): Exports | undefined {
  return patchClass<Create>(exports, 'Messages', 'create', observedCreate);
}

function patchRunning(confirms: boolean): Target['patch'] {
  return (exports) =>
    patchExports(exports, { runRunnableTool: (original) => observedTool(original as unknown as RunTool, confirms) as typeof original });
}

function patchRunner(exports: Exports): Exports | undefined {
  return (
    patchClass<Iterate>(exports, 'BetaToolRunner', Symbol.asyncIterator, iterates) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'generateToolResponse', answers) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'setMessagesParams', takesOver)
  );
}

/** Its tools are looked at again whenever somebody may have put others in their place. */
function patchEarlyRunner(exports: Exports): Exports | undefined {
  const before = (original: Method): Method =>
    function (...args) {
      if (patchesEnabled()) guarded('observing tools', () => watchTools(this as ToolRunner));
      return Reflect.apply(original, this, args);
    };
  const after = (original: Method): Method =>
    function (...args) {
      const result = Reflect.apply(original, this, args);
      if (patchesEnabled()) guarded('observing tools', () => watchTools(this as ToolRunner));
      return result;
    };
  const added = (original: Method): Method =>
    function (...tools) {
      const seen = patchesEnabled() ? tools.map((tool) => watchedTool(tool, this as ToolRunner)) : tools;
      return Reflect.apply(original, this, seen);
    };
  const patched =
    patchClass<Iterate>(exports, 'BetaToolRunner', Symbol.asyncIterator, (original) => before(iterates(original)) as Iterate) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'generateToolResponse', (original) => before(answers(original))) &&
    patchClass<Method>(exports, 'BetaToolRunner', 'setMessagesParams', (original) => after(takesOver(original)));
  // From 0.128.
  patchClass<Method>(exports, 'BetaToolRunner', 'addTools', added);
  return patched;
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
