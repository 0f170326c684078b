import { join } from 'node:path';
import { diag, type TracerProvider } from '@opentelemetry/api';
import { InstrumentationBase, type InstrumentationConfig, type InstrumentationNodeModuleDefinition } from '@opentelemetry/instrumentation';
import type { Exports, Target } from './adapters/adapter.js';
import { enablePatches, reportWaiting, setRunOptions, UNARMED } from './adapters/arming.js';
import { apply, definitionsOf, grouped, versionOf } from './adapters/definitions.js';
import { ADAPTERS } from './adapters/index.js';
import { observeAdapters } from './arming-metric.js';
import { openEvidence, tracesUrl } from './channel.js';
import { openGuard } from './enforce/open.js';
import { guarded } from './errors.js';
import type { EvidenceChannel } from './evidence/types.js';
import { configure, state, withArming } from './global.js';
import { patchLoaded } from './loaded.js';
import { type Loader, registerLoader } from './loader.js';
import { peerRequire } from './peer.js';
import { environmentResource, evidenceResource } from './resource.js';
import { refuse, sayIfRegistered } from './say.js';
import type { Capture } from './settings.js';
import { survey } from './survey.js';
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
  readonly durability?: 'memory' | 'spool' | 'acknowledged' | undefined;
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
  /** Policy files (JSON or YAML) that decide about each action before it runs; default CUSTODY_POLICY. */
  readonly policy?: readonly string[] | undefined;
  /** For the sessions that are opened around agent runs: what changes honestly in the system prompt. */
  readonly mask?: readonly (RegExp | string)[] | undefined;
  /** Names of adapters (`ai`, `mcp`, …) to leave off. */
  readonly disabledAdapters?: readonly string[] | undefined;
  /** An agent framework that is found unarmed, or in an unknown version, ends the process. Default: CUSTODY_STRICT, else false. */
  readonly strict?: boolean | undefined;
  /** Look for what was loaded before, and patch it as far as that is possible (classes). Default true. */
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
  declare private hidden: 'foreign_loader' | 'no_loader' | undefined;
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
    this.applyPolicy(config);
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
      guarded('patching what is loaded', () => patchLoaded(targets));
      state().look = () => void guarded('looking at what is loaded', () => survey(this.adapters(), this.hidden));
    }
    if (targets.length > 0) this.watchLoader();
    guarded('hooking require', () => hookUnresolvable(targets));
  }

  override disable(): void {
    super.disable();
    enablePatches(false);
  }

  override _updateMetricInstruments(): void {
    observeAdapters(this.meter);
  }

  /** A loader that another copy of import-in-the-middle registered before can shadow ours silently. */
  private watchLoader(): void {
    const { loader } = this;
    if (loader.kind === 'unavailable') this.hidden = 'no_loader';
    void loader.confirmed().then((heard) => {
      if (heard) return;
      this.hidden ??= 'foreign_loader';
      const { reason, remedy } = UNARMED[this.hidden];
      const why = `${loader.problem ?? reason}; ${remedy}`;
      diag.error(`agent-custody: UNARMED for ES modules: ${why}`);
      if (state().configuration.settings.strict) refuse(`ES modules: ${why}`);
      sayIfRegistered(`UNARMED for ES modules: ${why}`);
    });
  }

  private adapters(): typeof ADAPTERS {
    const off = this.getConfig().disabledAdapters ?? [];
    return ADAPTERS.filter((adapter) => !off.includes(adapter.name));
  }

  private targets(): Target[] {
    return this.adapters().flatMap((adapter) => adapter.targets);
  }

  /** Enforcement is not guarded: a policy that is named and cannot be set up must not leave everything allowed. */
  private applyPolicy({ policy, evidence }: CustodyInstrumentationConfig): void {
    const { settings } = state().configuration;
    const durability = evidence?.durability ?? settings.durability;
    configure({
      guard: openGuard({
        policy: policy ?? settings.policy,
        acknowledged: durability === 'acknowledged',
        endpoint: evidence && tracesUrl(evidence.url),
        headers: evidence?.headers ?? {},
      }),
    });
  }

  private applyConfig(config: CustodyInstrumentationConfig): void {
    const { settings, capture } = state().configuration;
    const { agent, owner, principal, memory, strict, redact, spans } = config;
    const given = Object.fromEntries(
      Object.entries({ agent, owner, principal, memory, strict }).filter(([, value]) => value !== undefined),
    );
    configure({
      settings: { ...settings, ...given },
      capture: { ...capture, ...config.capture },
      resource: withArming(evidenceResource(environmentResource(), agent?.id ?? settings.agent.id)),
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
 * MCP's version 1 and LangChain's 0.2 have no main file that could be resolved, at which require-in-the-middle gives the whole
 * package up. Asked for the file's own path it does not look for the main file, wherever the package is installed.
 */
function hookUnresolvable(targets: readonly Target[]): void {
  const byPath = grouped(
    targets.filter(({ main, file }) => !main && (file.includes('/cjs/') || file.endsWith('.cjs'))),
    ({ packageName, file }) => `${packageName}/${file}`.replace(/(\/index)?\.js$/, ''),
  );
  if (byPath.size === 0) return;
  const { Hook } = peerRequire()('require-in-the-middle') as RequireInTheMiddle;
  new Hook([...byPath.keys()], { internals: true }, (exports, path, folder) => {
    const own = byPath.get(path);
    const [first] = own ?? [];
    if (own === undefined || first === undefined) return exports;
    return apply(own, exports, folder && versionOf(first.packageName, join(folder, 'package.json')));
  });
}
