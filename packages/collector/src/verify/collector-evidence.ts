import type { Hashing, LinkCopy } from '@agent-custody/chain';
import { z } from 'zod';
import { type CollectorAddress, EvidenceError } from '../approve/evidence.js';
import type { Evidence } from './evidence.js';
import { readStored } from './reread.js';

const linkSchema = z.looseObject({
  hash: z.string(),
  time: z.string(),
  trace_id: z.string(),
  span_id: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
  content: z.record(z.string(), z.string()),
});
const sessionSchema = z.looseObject({
  findings: z.array(z.looseObject({ code: z.string(), seq: z.number() })),
  chain: z.array(linkSchema),
});
const pageSchema = z.looseObject({ sessions: z.array(z.looseObject({ session: z.string() })), next: z.string().nullable() });

type SessionAnswer = z.infer<typeof sessionSchema>;

/** How far forwarding is: what waits, what was acknowledged since the collector's start, what Tempo will not take. */
interface ForwardingState {
  readonly waiting: number;
  readonly forwarded: number;
  readonly aside: number;
}

const PAGE = 200;
/** Sessions in a row, newest first, whose links are all older than what was asked for: then the rest is too. */
const OLD_IN_A_ROW = 50;
const TIMEOUT_MS = 30_000;

/**
 * A collector's API as what a trace store is held against. It does not say when a link came, nor what waits to be forwarded, so
 * every link counts as just come, and a link may be missed only once as many spans were forwarded as waited before.
 */
export class CollectorEvidence implements Evidence {
  readonly name: string;
  private before: ForwardingState | undefined;
  /** As of the last time that a session's links were asked for. */
  private readonly bounds = new Map<string, number>();

  constructor(
    private readonly address: CollectorAddress,
    private readonly options: { readonly hashing: Hashing; readonly now: () => number },
  ) {
    this.name = new URL(address.url).origin;
  }

  async *sessions(sinceMs: number): AsyncGenerator<string> {
    let old = 0;
    let cursor = '';
    for (;;) {
      const page = pageSchema.safeParse(await this.json(`/api/v1/sessions?limit=${PAGE}${cursor}`));
      if (!page.success) throw this.unreadable(page.error);
      for (const { session } of page.data.sessions.filter(({ session }) => session !== '')) {
        const answer = await this.session(session);
        const newest = (answer?.chain ?? []).reduce((latest, { time }) => Math.max(latest, Number(time) / 1e6), 0);
        if (newest < sinceMs) old++;
        else {
          old = 0;
          yield session;
        }
        if (old >= OLD_IN_A_ROW) return;
      }
      if (page.data.next === null) return;
      cursor = `&cursor=${encodeURIComponent(page.data.next)}`;
    }
  }

  async links(session: string): Promise<readonly LinkCopy[]> {
    const { chain, findings } = (await this.session(session)) ?? { chain: [], findings: [] };
    const bounds = findings.filter(({ code }) => code === 'overflow').map(({ seq }) => seq);
    if (bounds.length > 0) this.bounds.set(session, Math.min(...bounds));
    return chain.flatMap(({ trace_id: traceId, span_id: spanId, hash, attributes, content }) => {
      const reading = readStored({ hash, attributes, content, traceId, spanId }, this.options.hashing);
      return reading.type === 'link' ? [reading.link] : [];
    });
  }

  async boundedFrom(session: string): Promise<number | undefined> {
    return this.bounds.get(session);
  }

  async lastSeenMs(): Promise<number> {
    return this.options.now();
  }

  async mark(): Promise<void> {
    this.before = await this.forwarding();
  }

  async unforwarded(): Promise<ReadonlySet<LinkCopy> | undefined> {
    const { before } = this;
    const after = await this.forwarding();
    if (before === undefined || after.aside > 0) return undefined;
    // First in, first out. A collector that was started in between counts from 0 again.
    return after.waiting === 0 || after.forwarded - before.forwarded >= before.waiting ? new Set() : undefined;
  }

  private async session(id: string): Promise<SessionAnswer | undefined> {
    const answer = await this.json(`/api/v1/sessions/${id}`);
    if (answer === undefined) return undefined;
    const parsed = sessionSchema.safeParse(answer);
    if (!parsed.success) throw this.unreadable(parsed.error);
    return parsed.data;
  }

  private async forwarding(): Promise<ForwardingState> {
    const page = (await this.text('/metrics')) ?? '';
    const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
    const state = {
      waiting: read('custody_outbox_spans'),
      forwarded: read('custody_forwarded_spans_total'),
      aside: read('custody_outbox_set_aside_spans'),
    };
    if (Object.values(state).some(Number.isNaN)) throw this.unreadable(undefined);
    return state;
  }

  /** Undefined for 404. */
  private async json(path: string): Promise<unknown> {
    const text = await this.text(path);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.unreadable(error);
    }
  }

  private async text(path: string): Promise<string | undefined> {
    const { url, token } = this.address;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const { cause, message } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new EvidenceError('unreachable', `${this.name}: the collector cannot be reached: ${reason}`, { cause: error });
    }
    if (response.status === 404) return undefined;
    if (response.status === 401)
      throw new EvidenceError('refused', `${this.name}: the collector wants its reader's token: --token or CUSTODY_TOKEN`);
    if (!response.ok) throw new EvidenceError('refused', `${this.name}: the collector answered ${response.status}`);
    return text;
  }

  private unreadable(cause: unknown): EvidenceError {
    return new EvidenceError('unreadable', `${this.name}: the answer is not that of a collector's API; check the URL`, { cause });
  }
}
