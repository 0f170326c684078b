import { ATTR, approves, compositeFingerprint, entriesFor, type Hashing, type LinkCopy, type Register } from '@agent-custody/chain';
import { statesOf } from '../approve/states.js';
import type { AuditedState } from './model.js';
import { linkTimeMs } from './time.js';

interface Entry {
  readonly agent: string;
  readonly fingerprint: string;
  readonly components: Readonly<Record<string, string>>;
  readonly sessions: Set<string>;
  firstMs: number;
  lastMs: number;
}

/** The states that agents ran in, and what approves each. */
export class StateBook {
  private readonly states = new Map<string, Entry>();

  constructor(
    private readonly register: Register | undefined,
    private readonly hashing: Hashing,
  ) {}

  /** @param links of one session, ascending by seq */
  add(agent: string, links: readonly LinkCopy[]): void {
    const { states } = statesOf(links, this.hashing);
    const byFingerprint = new Map(states.map((state) => [compositeFingerprint(state, this.hashing), state]));
    for (const link of links) {
      const fingerprint = link.attributes[ATTR.fingerprint];
      const components = typeof fingerprint === 'string' ? byFingerprint.get(fingerprint) : undefined;
      if (typeof fingerprint === 'string' && components !== undefined) this.note(agent, fingerprint, components, link);
    }
  }

  /** By agent, then by when each was first seen. */
  all(): readonly AuditedState[] {
    return [...this.states.values()]
      .sort((a, b) => (a.agent === b.agent ? a.firstMs - b.firstMs : a.agent < b.agent ? -1 : 1))
      .map(({ sessions, ...entry }) => ({ ...entry, sessions: sessions.size, approvedBy: this.approvedBy(entry) }));
  }

  private note(agent: string, fingerprint: string, components: Entry['components'], link: LinkCopy): void {
    const key = `${agent}\n${fingerprint}`;
    const atMs = linkTimeMs(link);
    const known = this.states.get(key);
    if (known === undefined) {
      this.states.set(key, { agent, fingerprint, components, sessions: new Set([link.session]), firstMs: atMs, lastMs: atMs });
      return;
    }
    known.sessions.add(link.session);
    known.firstMs = Math.min(known.firstMs, atMs);
    known.lastMs = Math.max(known.lastMs, atMs);
  }

  /** The entries in force when it was last seen: an approval that came or went in between shows in its dates. */
  private approvedBy({ agent, components, lastMs }: Omit<Entry, 'sessions'>): AuditedState['approvedBy'] {
    const entries = entriesFor(this.register, agent);
    if (entries.length === 0) return undefined;
    const at = String(BigInt(lastMs) * 1_000_000n);
    return entries.filter((entry) => approves(entry, components, at));
  }
}
