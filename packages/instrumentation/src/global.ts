import { AsyncLocalStorage } from 'node:async_hooks';
import type { AttributeValue } from '@agent-custody/chain';
import { type Context, diag, type TracerProvider } from '@opentelemetry/api';
import type { Action } from './action.js';
import { AskedCalls } from './asked.js';
import type { Attestation } from './attestation.js';
import type { EvidenceChannel, EvidenceLoss } from './evidence/types.js';
import type { Guard } from './guard.js';
import type { Session } from './lifecycle.js';
import { newSessionId } from './random.js';
import { type Capture, readSettings, type Settings } from './settings.js';
import type { Redact } from './types.js';

/** How links leave the process, and what they disclose. Adapters and `register` set it through {@link configure}. */
export interface Configuration {
  readonly settings: Settings;
  /** The way to the collector that no sampler, limit or processor of the application touches. */
  readonly evidence: EvidenceChannel | undefined;
  /** With evidence: make ordinary spans too. Without it they are the only way, and always made. */
  readonly spans: boolean;
  /** By default the one registered with the API. */
  readonly tracerProvider: TracerProvider | undefined;
  /** Resource attributes of the spans on the evidence channel. */
  readonly resource: Readonly<Record<string, AttributeValue>>;
  readonly capture: Capture;
  /** Undefined: {@link defaultRedact}. */
  readonly redact: Redact | undefined;
  /** Decides about each action before it runs; without one all are allowed. */
  readonly guard: Guard | undefined;
  readonly heartbeatMs: number;
  readonly idleMs: number;
}

/** What {@link status} says about one framework. */
export interface AdapterStatus {
  readonly framework: string;
  /**
   * `armed`: the hook fired and the patch is on. `waiting`: never seen. `unarmed`: seen, and out of reach. `toolless`: seen, in a
   * version that runs no tools itself, so that there is nothing to arm.
   */
  readonly state: 'armed' | 'waiting' | 'unarmed' | 'toolless';
  /** Why it is unarmed. */
  readonly why?: UnarmedWhy | undefined;
  /** Several, with commas, when several are loaded. */
  readonly version?: string | undefined;
  /** The files that were patched, or the one that was not. */
  readonly detail?: string | undefined;
}

/** Why a framework that is there does not have its tool calls recorded. */
export type UnarmedWhy = 'bundled' | 'loaded_before' | 'foreign_loader' | 'no_loader' | 'unknown_version' | 'unknown_shape';

/** Where in the application's own flow of control something happens. */
export interface Frame {
  readonly session: Session;
  /** The action under way, when it is inside one. */
  readonly action: Action | undefined;
  /** The action around it, while that is under way: what follows from a call that is over must not keep it, or a worker that starts
   * each job in the one before would keep them all. */
  parent: Frame | undefined;
  /** For applications that registered no context manager with OpenTelemetry. */
  readonly context: Context;
}

interface State {
  configuration: Configuration;
  /** `custody.process.id`. */
  readonly process: string;
  readonly frames: AsyncLocalStorage<Frame>;
  /** Open sessions, in the order of opening. */
  readonly open: Set<Session>;
  processSession: Session | undefined;
  opened: number;
  /** Ends that wait for memory to be measured. */
  readonly closing: Set<Promise<void>>;
  readonly adapters: Map<string, AdapterStatus>;
  /** Looks at what the application has loaded by now; once, when its first session opens. */
  look: (() => void) | undefined;
  /** Whose model asked last for each call id. */
  readonly askers: Map<string, Attestation>;
  /** What models of all sessions asked for: a run that a human interrupted goes on in another session. */
  readonly asked: AskedCalls;
}

const KEY = Symbol.for('agent-custody.instrumentation.v1');

/** One state for the process, so that two copies of this package record one chain. */
export function state(): State {
  const holder = globalThis as { [KEY]?: State };
  let present = holder[KEY];
  if (present === undefined) {
    present = {
      configuration: defaults(),
      process: newSessionId(),
      frames: new AsyncLocalStorage<Frame>(),
      open: new Set(),
      processSession: undefined,
      opened: 0,
      closing: new Set(),
      adapters: new Map(),
      look: undefined,
      askers: new Map(),
      asked: new AskedCalls(),
    };
    Object.defineProperty(globalThis, KEY, { value: present, configurable: true });
  }
  return present;
}

function defaults(): Configuration {
  const settings = readSettings(process.env);
  for (const warning of settings.warnings) diag.warn(`agent-custody: ${warning}`);
  return {
    settings,
    evidence: undefined,
    spans: false,
    tracerProvider: undefined,
    resource: { 'service.name': settings.agent.id },
    capture: settings.capture,
    redact: undefined,
    guard: undefined,
    heartbeatMs: settings.heartbeatMs,
    idleMs: settings.idleMs,
  };
}

/**
 * Changes the parts of the configuration that are named; it holds from the next link on.
 *
 * @example configure({ evidence: createEvidenceChannel({ url, durability: 'spool', log, onLoss: declareLoss }) })
 */
export function configure(changes: Partial<Configuration>): void {
  const present = state();
  const named = Object.entries(changes).filter(([name, value]) => value !== undefined || name === 'evidence' || name === 'guard');
  present.configuration = { ...present.configuration, ...Object.fromEntries(named) };
}

/** For {@link EvidenceOptions.onLoss}: the session that lost links declares it, when it is still open. */
export function declareLoss(loss: EvidenceLoss): void {
  for (const session of state().open) {
    if (session.id === loss.session) session.declareLoss(loss);
  }
}

/** What became of a framework: {@link status} lists it, and so does the resource of the evidence. */
export function reportAdapter(key: string, adapter: AdapterStatus): void {
  const { adapters, configuration } = state();
  adapters.set(key, adapter);
  configure({ resource: withArming(configuration.resource) });
}

/** For people: a resource is not covered by a link's hash. */
export function withArming(resource: Configuration['resource']): Configuration['resource'] {
  const named = (which: AdapterStatus['state']): string[] =>
    [...state().adapters.values()].flatMap((one) => (one.state === which ? [`${one.framework} ${one.version ?? ''}`.trim()] : []));
  return {
    ...resource,
    'custody.instrumentation.armed': named('armed'),
    'custody.instrumentation.unarmed': [...new Set(named('unarmed'))],
  };
}

/** What the application has loaded is looked at once: before its first tool call when that may be the end of it, else soon after. */
export function lookOnce(): void {
  const present = state();
  const { look } = present;
  if (look === undefined) return;
  present.look = undefined;
  if (present.configuration.settings.strict) look();
  else setImmediate(look);
}
