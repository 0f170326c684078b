import { join } from 'node:path';
import type { TracerProvider } from '@opentelemetry/api';
import { InstrumentationBase, type InstrumentationConfig, type InstrumentationNodeModuleDefinition } from '@opentelemetry/instrumentation';
import type { Exports, Target } from './adapters/adapter.js';
import { enablePatches, reportWaiting, setRunOptions } from './adapters/arming.js';
import { apply, definitionsOf, versionOf } from './adapters/definitions.js';
import { ADAPTERS } from './adapters/index.js';
import { openEvidence } from './channel.js';
import { guarded } from './errors.js';
import type { EvidenceChannel } from './evidence/types.js';
import { configure, state } from './global.js';
import { patchImported, patchRequired } from './loaded.js';
import { type Loader, registerLoader } from './loader.js';
import { peerRequire } from './peer.js';
import { environmentResource, evidenceResource } from './resource.js';
import type { Capture } from './settings.js';
import type { Agent, Redact } from './types.js';
import { SCOPE_NAME, SCOPE_VERSION } from './version.js';

/** Where the evidence goes, beside the application's own spans. */
export interface EvidenceConfig {
  /** The collector: its base URL, or the full `…/v1/traces`. */
  readonly url: string;
  /** Sent with every request; they may hold a token and are never logged. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: CUSTODY_SPOOL, else a folder in the user's state directory. */
  readonly spoolDirectory?: string | undefined;
  /** Default: CUSTODY_DURABILITY, else `spool`. */
  readonly durability?: 'memory' | 'spool' | undefined;
  /** Bytes; default 64 MiB. */
  readonly maxSpoolBytes?: number | undefined;
  /** For one request, in ms; default 10 000. */
  readonly timeoutMs?: number | undefined;
  readonly compression?: 'gzip' | 'none' | undefined;
}

export interface CustodyInstrumentationConfig extends InstrumentationConfig {
  /** Sends the links on a channel of their own, whatever sampler, limits and processors do to spans. Without it spans are all. */
  readonly evidence?: EvidenceConfig | undefined;
  /** With `evidence`: make ordinary spans too. Default false, since Tempo counts twice what comes twice. */
  readonly spans?: boolean | undefined;
  /** What may leave beside its digest. Default: arguments and reasons, up to 16 KiB each. */
  readonly capture?: Partial<Capture> | undefined;
  /** By default known shapes of credentials are withheld. */
  readonly redact?: Redact | undefined;
  /** Each of these by default from CUSTODY_*. */
  readonly agent?: Agent | undefined;
  readonly owner?: string | undefined;
  readonly principal?: string | undefined;
  /** Paths. */
  readonly memory?: readonly string[] | undefined;
  /** For the sessions that are opened around agent runs: what changes honestly in the system prompt. */
  readonly mask?: readonly (RegExp | string)[] | undefined;
  /** Names of adapters (`ai`, `mcp`) to leave off. */
  readonly disabledAdapters?: readonly string[] | undefined;
  /** Patch what was loaded before, as far as that is possible (classes). Default true. */
  readonly patchLoaded?: boolean | undefined;
}

/**
 * Chain of custody as an OpenTelemetry instrumentation, for an application that has a NodeSDK or a NodeTracerProvider. Create it
 * before the frameworks are imported: `node --import ./telemetry.js`.
 *
 * @example new NodeSDK({ instrumentations: [new CustodyInstrumentation({ evidence: { url: 'http://localhost:4318' } })] })
 */
export class CustodyInstrumentation extends InstrumentationBase<CustodyInstrumentationConfig> {
  // The base class calls init and enable from its constructor: no field here may have an initialiser.
  declare private hooked: boolean | undefined;
  declare private channel: { readonly config: EvidenceConfig; readonly evidence: EvidenceChannel | undefined } | undefined;

  constructor(config: CustodyInstrumentationConfig = {}) {
    super(SCOPE_NAME, SCOPE_VERSION, config);
  }

  /** How ES modules are reached; registered on first use. */
  get loader(): Loader {
    return registerLoader(ADAPTERS.flatMap((adapter) => adapter.targets).map((target) => target.include));
  }

  override setConfig(config: CustodyInstrumentationConfig): void {
    super.setConfig(config);
    guarded('applying the configuration', () => this.applyConfig(config));
  }

  override setTracerProvider(tracerProvider: TracerProvider): void {
    super.setTracerProvider(tracerProvider);
    configure({ tracerProvider });
  }

  protected override init(): InstrumentationNodeModuleDefinition[] {
    return definitionsOf(this.adapters());
  }

  override enable(): void {
    super.enable();
    enablePatches(true);
    if (this.hooked) return;
    this.hooked = true;
    const targets = this.targets();
    reportWaiting(targets);
    for (const adapter of this.adapters()) guarded(`arming ${adapter.name}`, () => adapter.arm?.());
    if (targets.length > 0) void this.loader;
    if (this.getConfig().patchLoaded !== false) {
      guarded('patching what is loaded', () => patchRequired(targets));
      guarded('patching what is imported', () => patchImported(targets, process.cwd()));
    }
    guarded('hooking require', () => hookUnresolvable(targets));
  }

  override disable(): void {
    super.disable();
    enablePatches(false);
  }

  private adapters(): typeof ADAPTERS {
    const off = this.getConfig().disabledAdapters ?? [];
    return ADAPTERS.filter((adapter) => !off.includes(adapter.name));
  }

  private targets(): Target[] {
    return this.adapters().flatMap((adapter) => adapter.targets);
  }

  private applyConfig(config: CustodyInstrumentationConfig): void {
    const { settings, capture } = state().configuration;
    const { agent, owner, principal, memory, redact, spans } = config;
    const given = Object.fromEntries(Object.entries({ agent, owner, principal, memory }).filter(([, value]) => value !== undefined));
    configure({
      settings: { ...settings, ...given },
      capture: { ...capture, ...config.capture },
      resource: evidenceResource(environmentResource(), agent?.id ?? settings.agent.id),
      ...(redact && { redact }),
      ...(spans !== undefined && { spans }),
    });
    setRunOptions(config.mask ? { mask: config.mask } : {});
    if (config.evidence && this.channel?.config !== config.evidence) {
      void this.channel?.evidence?.close(0);
      this.channel = { config: config.evidence, evidence: openEvidence(config.evidence) };
      if (this.channel.evidence) configure({ evidence: this.channel.evidence });
    }
  }
}

/** What is used of require-in-the-middle: the copy that InstrumentationBase uses. */
interface RequireInTheMiddle {
  Hook: new (
    modules: string[],
    options: { internals: boolean },
    fn: (exports: Exports, name: string, folder?: string) => Exports,
  ) => unknown;
}

/**
 * MCP's version 1 names a main file that does not exist, at which require-in-the-middle gives the whole package up. Asked for the
 * file's own path it does not look for the main file, wherever the package is installed.
 */
function hookUnresolvable(targets: readonly Target[]): void {
  const byPath = new Map(
    targets
      .filter(({ main, file }) => !main && file.includes('/cjs/'))
      .map((target) => [`${target.packageName}/${target.file}`.replace(/(\/index)?\.js$/, ''), target]),
  );
  if (byPath.size === 0) return;
  const { Hook } = peerRequire()('require-in-the-middle') as RequireInTheMiddle;
  new Hook([...byPath.keys()], { internals: true }, (exports, path, folder) => {
    const target = byPath.get(path);
    if (target === undefined) return exports;
    return apply(target, exports, folder && versionOf(target.packageName, join(folder, 'package.json')));
  });
}
