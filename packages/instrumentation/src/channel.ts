import { diag } from '@opentelemetry/api';
import { guarded } from './errors.js';
import { createEvidenceChannel, type EvidenceChannel } from './evidence/index.js';
import { declareLoss, state } from './global.js';
import type { EvidenceConfig } from './instrumentation.js';
import type { Settings } from './settings.js';

/** Opens the way to the collector; undefined when that fails, and links go out as spans alone. */
export function openEvidence(config: EvidenceConfig): EvidenceChannel | undefined {
  const { settings } = state().configuration;
  const { headers, maxSpoolBytes, timeoutMs, compression } = config;
  const spoolDirectory = config.spoolDirectory ?? settings.spool;
  const chosen = Object.entries({ headers, maxSpoolBytes, timeoutMs, compression, spoolDirectory }).filter(
    ([, value]) => value !== undefined,
  );
  return guarded('opening the evidence channel', () =>
    createEvidenceChannel({
      ...Object.fromEntries(chosen),
      url: tracesUrl(config.url),
      durability: kept(config.durability ?? settings.durability),
      log: (level, message) => diag[level](`agent-custody: ${message}`),
      onLoss: declareLoss,
    }),
  );
}

/** What waits for the collector must survive the process all the same. */
function kept(durability: Settings['durability']): 'memory' | 'spool' {
  return durability === 'acknowledged' ? 'spool' : durability;
}

/** The OTLP exporters' rule: a base URL gets `v1/traces` appended. */
export function tracesUrl(url: string): string {
  const base = url.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}
