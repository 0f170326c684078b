import type { AttributeValue, FindingCode } from '@agent-custody/chain';

/** What the collector's API answers, as far as the demo reads it. */
export interface Report {
  readonly session: string;
  readonly agent: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly authority: string;
  readonly links: number;
  readonly findings: readonly { readonly code: FindingCode; readonly seq: number; readonly detail: string }[];
}

export interface Link {
  readonly seq: number;
  readonly kind: string;
  readonly hash: string;
  readonly prev: string;
  readonly status: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly content: Readonly<Record<string, string>>;
}

export async function sessions(url: string): Promise<readonly Report[]> {
  return ((await get(`${url}/api/v1/sessions`)) as { sessions: Report[] }).sessions;
}

export async function chain(url: string, session: string): Promise<readonly Link[]> {
  return ((await get(`${url}/api/v1/sessions/${session}`)) as { chain: Link[] }).chain;
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
