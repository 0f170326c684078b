import type { EvidenceState } from './evidence/types.js';
import { type AdapterStatus, state } from './global.js';
import type { Capture } from './settings.js';

/** What is being recorded, and how. */
export interface Status {
  readonly agent: string;
  /** Frameworks, armed or not; one that was never seen is `waiting`, which is all that a bundled one will ever be. */
  readonly adapters: readonly AdapterStatus[];
  /** `off`: links leave as ordinary spans alone. */
  readonly evidence: EvidenceState | 'off';
  /** Whether ordinary spans are made. */
  readonly spans: boolean;
  readonly sessions: { readonly open: number; readonly opened: number };
  readonly capture: Capture;
  /** What may cost evidence, each with what to do about it. */
  readonly warnings: readonly string[];
}

/**
 * What is armed and where the evidence goes, as `register` prints it at the start.
 *
 * @example if (status().evidence === 'off') console.warn(status().warnings.join('\n'));
 */
export function status(): Status {
  const { configuration, adapters, open, opened } = state();
  const { evidence, spans, settings, capture } = configuration;
  return {
    agent: settings.agent.id,
    adapters: [...adapters.values()],
    evidence: evidence ? { ...evidence.state } : 'off',
    spans: evidence === undefined || spans,
    sessions: { open: open.size, opened },
    capture,
    warnings: [...settings.warnings, ...(evidence ? lossWarnings(evidence.state) : spanWarnings(process.env))],
  };
}

function lossWarnings({ spool, lost }: EvidenceState): string[] {
  const warnings: string[] = [];
  if (spool === 'unavailable')
    warnings.push('the spool cannot be had: evidence is in memory alone; set CUSTODY_SPOOL to a writable directory');
  if (lost > 0) warnings.push(`${lost} links were lost and are declared in their chains; give the spool more room`);
  return warnings;
}

const LIMITS = [
  'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
];

/** Samplers and limits touch ordinary spans only: with an evidence channel they are of no matter. */
function spanWarnings(env: Readonly<Record<string, string | undefined>>): string[] {
  const remedy = 'an evidence channel is not touched by it';
  const sampler = env['OTEL_TRACES_SAMPLER'];
  const warnings = LIMITS.filter((name) => env[name]).map(
    (name) => `${name} may cut what a link holds, which then no longer verifies; ${remedy}`,
  );
  if (sampler && !sampler.endsWith('always_on'))
    warnings.push(`OTEL_TRACES_SAMPLER=${sampler} drops links, which are then declared lost; ${remedy}`);
  return warnings;
}
