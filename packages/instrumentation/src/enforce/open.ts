import { performance } from 'node:perf_hooks';
import { diag } from '@opentelemetry/api';
import type { Guard } from '../guard.js';
import { sayIfRegistered } from '../say.js';
import { ACKNOWLEDGING } from './acknowledge.js';
import { PolicyFiles } from './policy-files.js';
import { PolicyGuard } from './policy-guard.js';

export interface GuardSettings {
  /** Paths of policy files; what several say, the strictest holds. */
  readonly policy: readonly string[] | undefined;
  /** No tool runs before the collector has its intent. */
  readonly acknowledged: boolean;
  /** The collector's `…/v1/traces` URL; absent: nobody can be asked for an approval. */
  readonly endpoint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What decides about actions, by the settings; undefined when everything is allowed at once.
 *
 * @example configure({ guard: openGuard({ policy: ['policy.yaml'], acknowledged: false, endpoint, headers }) })
 */
export function openGuard({ policy, acknowledged, endpoint, headers }: GuardSettings): Guard | undefined {
  if (policy === undefined || policy.length === 0) return acknowledged ? ACKNOWLEDGING : undefined;
  const say = (line: string): void => {
    diag.warn(`agent-custody: ${line}`);
    sayIfRegistered(line);
  };
  const files = new PolicyFiles(policy, { now: () => performance.now(), say });
  const approvals = endpoint === undefined ? undefined : { url: endpoint.replace(/\/v1\/traces$/, ''), headers };
  return new PolicyGuard({ files, approvals, acknowledged });
}
