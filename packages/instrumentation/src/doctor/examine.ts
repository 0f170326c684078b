import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { type Adapter, type Exports, PROBE_TOOL } from '../adapters/adapter.js';
import { statusesOf, UNARMED } from '../adapters/arming.js';
import { ADAPTERS } from '../adapters/index.js';
import { type AdapterStatus, configure } from '../global.js';
import { registerLoader } from '../loader.js';
import { survey, surveyMain } from '../survey.js';
import { bundlesOf } from './bundles.js';
import { type Application, readApplication } from './reachable.js';
import type { Row } from './table.js';

/**
 * Loads the frameworks that the application reaches, as it would load them, and has each run a tool: what the hooks did about it is
 * the answer. The application's own file is read and not run, and so are its bundles. Runs in a process of its own, with the
 * instrumentation preloaded.
 *
 * @param folders where its bundles are; Next's own folder is known
 */
export async function examine(file: string, folders: readonly string[] = []): Promise<Row[]> {
  const application = readApplication(file);
  const setUp = ADAPTERS.filter((adapter) => packagesOf(adapter).every((name) => statusesOf(name).length > 0));
  const adapters = setUp.length > 0 ? setUp : ADAPTERS;
  const results = await tryAll(adapters, application);
  const bundles = bundlesOf(application, folders);
  survey(adapters, setUp.length > 0 ? await hidden() : undefined);
  for (const path of [file, ...bundles.files]) surveyMain(adapters, path);
  const bundled = statusesBundled(adapters);
  const unset = setUp.length > 0 ? undefined : NOT_SET_UP;
  return [
    ...[...results]
      .filter(([name]) => !bundled.has(name))
      .flatMap(([name, result]) => rowsOf(name, application, { ...result, problem: unset ?? result.problem }, bundles.unbuilt)),
    ...[...bundled.values()].map((status) => rowOf(status)),
    ...without(application.missing, ADAPTERS, 'no', 'it is not installed: run npm install, and then this again'),
    ...without(
      [...application.packages.keys()].filter((name) => !results.has(name)),
      ADAPTERS.filter((adapter) => !adapters.includes(adapter)),
      'switched off',
    ),
  ];
}

/** Why ES modules are out of the reach of the hooks that the set-up registered, if they are. */
async function hidden(): Promise<'no_loader' | 'foreign_loader' | undefined> {
  const loader = registerLoader([]);
  if (loader.kind === 'unavailable') return 'no_loader';
  return (await loader.confirmed()) ? undefined : 'foreign_loader';
}

const NOT_SET_UP =
  'nothing sets the instrumentation up: what is preloaded makes no CustodyInstrumentation, or OTEL_SDK_DISABLED or OTEL_NODE_DISABLED_INSTRUMENTATIONS switch all of it off';

/** By package. */
async function tryAll(adapters: readonly Adapter[], application: Application): Promise<Map<string, Result>> {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  configure({ evidence: undefined, guard: undefined, tracerProvider });
  const results = new Map<string, Result>();
  for (const adapter of adapters) {
    if (!adapter.targets.some(({ packageName }) => application.packages.has(packageName))) continue;
    exporter.reset();
    const problem = await tried(adapter, loader(application));
    const names = exporter.getFinishedSpans().map(({ name }) => name);
    const recorded = [`intent ${PROBE_TOOL}`, `execute_tool ${PROBE_TOOL}`].every((name) => names.includes(name));
    for (const name of packagesOf(adapter)) {
      const before = results.get(name);
      const own = adapter.probe === undefined ? undefined : recorded;
      results.set(name, {
        recorded: before?.recorded === undefined ? own : before.recorded && own !== false,
        problem: before?.problem ?? problem,
      });
    }
  }
  return results;
}

/** One for each framework, in however many files of a bundle it is. */
function statusesBundled(adapters: readonly Adapter[]): Map<string, AdapterStatus> {
  const bundled = adapters.flatMap(packagesOf).flatMap(statusesOf);
  return new Map(bundled.filter(({ why }) => why === 'bundled').map((status) => [status.framework, status]));
}

/** What is not looked at, or cannot be. */
function without(names: readonly string[], adapters: readonly Adapter[], armed: Row['armed'], remedy = ''): Row[] {
  const known = new Set(adapters.flatMap(packagesOf));
  return names
    .filter((name) => known.has(name))
    .map((framework) => ({ framework, version: '', file: '', armed, recorded: 'not tried', remedy }));
}

/** Of the probes that a package has a part in. */
interface Result {
  /** Undefined where there was none. */
  readonly recorded: boolean | undefined;
  readonly problem: string | undefined;
}

type Load = (specifier: string) => Promise<Exports>;

/** Why it could not be tried, if so. */
async function tried(adapter: Adapter, load: Load): Promise<string | undefined> {
  try {
    if (adapter.probe) await adapter.probe(load);
    else await Promise.allSettled(packagesOf(adapter).map(load));
    return undefined;
  } catch (error) {
    return `the probe failed (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`;
  }
}

/** From the application's file, by the conditions of its own module system. */
function loader({ file, isModule }: Application): Load {
  const from = pathToFileURL(file).href;
  const imported = (specifier: string): Promise<Exports> => import(import.meta.resolve(specifier, from)) as Promise<Exports>;
  if (isModule) return async (specifier) => imported(specifier);
  const require = createRequire(file);
  return async (specifier) => {
    try {
      return require(specifier) as Exports;
    } catch (error) {
      // A package for ES modules alone is imported by a CommonJS application, too.
      if (
        (error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ESM' &&
        (error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED'
      )
        throw error;
      return imported(specifier);
    }
  };
}

function packagesOf({ targets }: Adapter): string[] {
  return [...new Set(targets.map(({ packageName }) => packageName))];
}

function rowsOf(name: string, { packages }: Application, result: Result, doubt: string | undefined): Row[] {
  const versions = packages.get(name);
  if (versions === undefined) return [];
  const found = statusesOf(name).filter(({ why }) => why !== 'bundled');
  return found.map((status) => rowOf({ version: [...versions].join(', '), ...status }, result, doubt));
}

const ARMED = { armed: 'yes', unarmed: 'no', waiting: 'not loaded', toolless: 'has no tools' } as const;

function rowOf(status: AdapterStatus, { recorded, problem }: Partial<Result> = {}, doubt = ''): Row {
  const { framework, version = '', detail = '', state, why } = status;
  const armed = ARMED[state];
  const remedy = why ? `${UNARMED[why].reason}: ${UNARMED[why].remedy}` : '';
  const unrecorded = recorded === false && armed === 'yes' ? "the probe's tool call left no record: report this" : '';
  return {
    framework,
    version,
    file: detail,
    armed,
    recorded: (armed !== 'yes' && armed !== 'no') || recorded === undefined ? 'not tried' : recorded ? 'yes' : 'no',
    remedy: problem ?? (remedy || unrecorded || doubt),
  };
}
