import { diag } from '@opentelemetry/api';
import { guarded } from './errors.js';
import { createEvidenceChannel, type EvidenceChannel } from './evidence/index.js';
import { declareLoss, state } from './global.js';
import type { EvidenceConfig } from './instrumentation.js';

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
      durability: config.durability ?? settings.durability,
      log: (level, message) => diag[level](`agent-custody: ${message}`),
      onLoss: declareLoss,
    }),
  );
}

/** The OTLP exporters' rule: a base URL gets `v1/traces` appended. */
function tracesUrl(url: string): string {
  const base = url.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}
