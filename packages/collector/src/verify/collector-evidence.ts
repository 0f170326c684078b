import type { Hashing, LinkCopy } from '@agent-custody/chain';
import { z } from 'zod';
import { type CollectorAddress, CollectorApi, storedLinkSchema } from './collector-api.js';
import type { Evidence } from './evidence.js';
import { readStored } from './reread.js';

const sessionSchema = z.looseObject({
  findings: z.array(z.looseObject({ code: z.string(), seq: z.number() })),
  chain: z.array(storedLinkSchema),
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

/**
 * A collector's API as what a trace store is held against. It does not say when a link came, nor what waits to be forwarded, so
 * every link counts as just come, and a link may be missed only once as many spans were forwarded as waited before.
 */
export class CollectorEvidence implements Evidence {
  readonly name: string;
  private readonly api: CollectorApi;
  private before: ForwardingState | undefined;
  /** As of the last time that a session's links were asked for. */
  private readonly bounds = new Map<string, number>();

  constructor(
    address: CollectorAddress,
    private readonly options: { readonly hashing: Hashing; readonly now: () => number },
  ) {
    this.api = new CollectorApi(address);
    this.name = this.api.name;
  }

  async *sessions(sinceMs: number): AsyncGenerator<string> {
    let old = 0;
    let cursor = '';
    for (;;) {
      const page = await this.api.json(`/api/v1/sessions?limit=${PAGE}${cursor}`, pageSchema);
      if (page === undefined) throw this.api.unreadable();
      for (const { session } of page.sessions.filter(({ session }) => session !== '')) {
        const answer = await this.session(session);
        const newest = (answer?.chain ?? []).reduce((latest, { time }) => Math.max(latest, Number(time) / 1e6), 0);
        if (newest < sinceMs) old++;
        else {
          old = 0;
          yield session;
        }
        if (old >= OLD_IN_A_ROW) return;
      }
      if (page.next === null) return;
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
  }

  async links(session: string): Promise<readonly LinkCopy[]> {
    const { chain, findings } = (await this.session(session)) ?? { chain: [], findings: [] };
    const bounds = findings.filter(({ code }) => code === 'overflow').map(({ seq }) => seq);
    if (bounds.length > 0) this.bounds.set(session, Math.min(...bounds));
    return chain.flatMap((link) => {
      const reading = readStored(link, this.options.hashing);
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

  private session(id: string): Promise<SessionAnswer | undefined> {
    return this.api.json(`/api/v1/sessions/${id}`, sessionSchema);
  }

  private async forwarding(): Promise<ForwardingState> {
    const page = (await this.api.text('/metrics')) ?? '';
    const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
    const state = {
      waiting: read('custody_outbox_spans'),
      forwarded: read('custody_forwarded_spans_total'),
      aside: read('custody_outbox_set_aside_spans'),
    };
    if (Object.values(state).some(Number.isNaN)) throw this.api.unreadable();
    return state;
  }
}
