import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { type Adapter, type Exports, PROBE_TOOL } from '../adapters/adapter.js';
import { statusesOf, UNARMED } from '../adapters/arming.js';
import { ADAPTERS } from '../adapters/index.js';
import { type AdapterStatus, configure } from '../global.js';
import { survey, surveyMain } from '../survey.js';
import { type Application, readApplication } from './reachable.js';
import type { Row } from './table.js';

/**
 * Loads the frameworks that the application reaches, as it would load them, and has each run a tool: what the hooks did about it is
 * the answer. The application's own file is read and not run. Runs in a process of its own, with the instrumentation preloaded.
 */
export async function examine(file: string): Promise<Row[]> {
  const application = readApplication(file);
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  configure({ evidence: undefined, guard: undefined, tracerProvider });
  const results = new Map<string, Result>();
  for (const adapter of ADAPTERS) {
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
  survey(ADAPTERS, false);
  surveyMain(ADAPTERS, file);
  const bundled = ADAPTERS.flatMap((adapter) =>
    packagesOf(adapter)
      .flatMap(statusesOf)
      .filter(({ why }) => why === 'bundled'),
  );
  const rows = [...results].flatMap(([name, result]) => rowsOf(name, application, result));
  return [...rows, ...bundled.map((status) => rowOf(status, undefined, undefined))];
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

function rowsOf(name: string, { packages }: Application, { recorded, problem }: Result): Row[] {
  const versions = packages.get(name);
  if (versions === undefined) return [];
  const found = statusesOf(name).filter(({ why }) => why !== 'bundled');
  return found.map((status) => rowOf({ version: [...versions].join(', '), ...status }, recorded, problem));
}

function rowOf(status: AdapterStatus, recorded: boolean | undefined, problem: string | undefined): Row {
  const { framework, version = '', detail = '', state, why } = status;
  const armed = state === 'waiting' ? 'not loaded' : state === 'armed' ? 'yes' : 'no';
  const remedy = why ? `${UNARMED[why].reason}: ${UNARMED[why].remedy}` : '';
  const unrecorded = recorded === false && armed === 'yes' ? "the probe's tool call left no record: report this" : '';
  return {
    framework,
    version,
    file: detail,
    armed,
    recorded: armed === 'not loaded' || recorded === undefined ? 'not tried' : recorded ? 'yes' : 'no',
    remedy: problem ?? (remedy || unrecorded),
  };
}
