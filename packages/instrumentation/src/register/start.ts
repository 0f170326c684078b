import { isMainThread } from 'node:worker_threads';
import { DiagConsoleLogger, diag } from '@opentelemetry/api';
import { diagLogLevelFromString, getBooleanFromEnv, getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import { defaultResource } from '@opentelemetry/resources';
import { ADAPTERS } from '../adapters/index.js';
import { guarded } from '../errors.js';
import { lookOnce, state } from '../global.js';
import { CustodyInstrumentation } from '../instrumentation.js';
import { environmentResource } from '../resource.js';
import { refuse, register, say } from '../say.js';
import { surveyMain } from '../survey.js';
import { watchEndings } from './ending.js';
import { protocolWarning, setUpProvider, watchMeterProvider } from './provider.js';

/** An application that has opened no session by then is looked at all the same: nothing of what it does may be recorded. */
const LOOK_MS = 5000;

/**
 * Sets up the whole: provider, evidence channel, adapters, the ways the process can end. Once per process, however often it is
 * loaded. Never throws: whatever goes wrong is said and the application runs without it, unless CUSTODY_STRICT forbids that.
 */
export function start(): void {
  if (register()) return;
  const done = guarded('starting', () => {
    setUp();
    return true;
  });
  if (!done) {
    const why = 'not started, nothing is recorded; OTEL_LOG_LEVEL=error says why';
    if (state().configuration.settings.strict) refuse(why);
    say(why);
  }
}

function setUp(): void {
  const level = getStringFromEnv('OTEL_LOG_LEVEL');
  const logLevel = diagLogLevelFromString(level);
  if (logLevel !== undefined) diag.setLogger(new DiagConsoleLogger(), { logLevel, suppressOverrideMessage: true });
  if (getBooleanFromEnv('OTEL_SDK_DISABLED')) {
    say('off, OTEL_SDK_DISABLED is true: nothing is recorded');
    return;
  }
  const { settings } = state().configuration;
  const disabledAdapters = disabled();
  setUpProvider(defaultResource().merge(environmentResource()));
  const instrumentation = new CustodyInstrumentation({
    evidence: { url: settings.endpoint, headers: settings.headers },
    spans: false,
    disabledAdapters,
  });
  watchEndings();
  watchMeterProvider((provider) => instrumentation.setMeterProvider(provider));
  announce(disabledAdapters);
  surveyMain(
    ADAPTERS.filter(({ name }) => !disabledAdapters.includes(name)),
    process.argv[1],
  );
  setTimeout(() => lookOnce(), LOOK_MS).unref();
}

/** OTEL_NODE_* name what is instrumented; the list of enabled ones counts only where it knows of us, being meant for others. */
function disabled(): string[] {
  const names = ADAPTERS.map((adapter) => adapter.name);
  const off = getStringListFromEnv('OTEL_NODE_DISABLED_INSTRUMENTATIONS') ?? [];
  const on = getStringListFromEnv('OTEL_NODE_ENABLED_INSTRUMENTATIONS') ?? [];
  const chosen = names.some((name) => on.includes(name)) && !on.includes('agent-custody');
  return names.filter((name) => off.includes('agent-custody') || off.includes(name) || (chosen && !on.includes(name)));
}

/** One line at the start: where the evidence goes, what it waits for, and what is not as it should be. */
function announce(disabledAdapters: readonly string[]): void {
  const { settings, evidence } = state().configuration;
  const waiting = ADAPTERS.map((adapter) => adapter.name).filter((name) => !disabledAdapters.includes(name));
  const parts = [
    `agent ${settings.agent.id}`,
    evidence === undefined
      ? 'no evidence channel: links go out as spans alone'
      : `evidence to ${shown(settings.endpoint)}, ${kept(evidence.state.spool)}`,
    `armed when loaded: ${waiting.join(', ') || 'nothing'}`,
    ...(disabledAdapters.length > 0 ? [`disabled: ${disabledAdapters.join(', ')}`] : []),
    ...settings.warnings,
    ...[protocolWarning()].filter((warning) => warning !== undefined),
  ];
  // A worker is the same agent, and a second line would say nothing new.
  if (isMainThread) say(parts.join('; '));
}

function kept(spool: string): string {
  if (spool === 'unavailable') return 'in memory alone, the spool cannot be had: set CUSTODY_SPOOL to a writable directory';
  return spool === 'memory' ? 'in memory' : `spool ${spool}`;
}

/** Without what may be a password. */
function shown(endpoint: string): string {
  const url = new URL(endpoint);
  return `${url.protocol}//${url.host}${url.pathname}`;
}
