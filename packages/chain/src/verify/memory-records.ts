import { ATTR } from '../attributes.js';
import type { Finding } from '../findings.js';
import type { LinkCopy, Records } from './types.js';

/** {@link Records} in memory: for files, browsers and tests. It keeps no findings: its sessions stay in the verifier's memory. */
export class MemoryRecords implements Records {
  private readonly sessions = new Map<string, Map<number, LinkCopy[]>>();
  private readonly byAction = new Map<string, LinkCopy[]>();
  private readonly byChild = new Map<string, LinkCopy[]>();
  private readonly byParent = new Map<string, LinkCopy[]>();
  private readonly byStore = new Map<string, LinkCopy[]>();

  keep(link: LinkCopy): void {
    let slots = this.sessions.get(link.session);
    if (!slots) this.sessions.set(link.session, (slots = new Map()));
    push(slots, link.seq, link);
    const action = link.attributes[ATTR.actionId];
    if (typeof action === 'string') push(this.byAction, `${link.session} ${action}`, link);
    const child = link.attributes[ATTR.childSessionId];
    if (link.kind === 'child.spawn' && typeof child === 'string') push(this.byChild, child, link);
    if (link.kind !== 'session.start') return;
    const parent = link.attributes[ATTR.parentSessionId];
    if (typeof parent === 'string') push(this.byParent, parent, link);
    const store = link.attributes[ATTR.memoryStore];
    if (typeof store === 'string') push(this.byStore, `${link.attributes[ATTR.agentId]}\n${store}`, link);
  }

  copies(session: string, seq: number): readonly LinkCopy[] {
    return this.sessions.get(session)?.get(seq) ?? [];
  }

  *links(session: string, from: number): Iterable<LinkCopy> {
    const slots = this.sessions.get(session);
    if (!slots) return;
    for (const seq of [...slots.keys()].sort((a, b) => a - b)) {
      if (seq >= from) yield* slots.get(seq) ?? [];
    }
  }

  action(session: string, actionId: string): readonly LinkCopy[] {
    return this.byAction.get(`${session} ${actionId}`) ?? [];
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return this.byChild.get(child) ?? [];
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return this.byParent.get(parent) ?? [];
  }

  sharers(agentId: string, memoryStore: string): readonly LinkCopy[] {
    return this.byStore.get(`${agentId}\n${memoryStore}`) ?? [];
  }

  findings(): readonly Finding[] {
    return [];
  }

  /** Forgets a session that was judged for good; for long-running use, where another store holds the evidence. */
  drop(session: string): void {
    const slots = this.sessions.get(session);
    if (!slots) return;
    for (const copies of slots.values()) {
      for (const link of copies) {
        this.byAction.delete(`${session} ${link.attributes[ATTR.actionId]}`);
        this.byStore.delete(`${link.attributes[ATTR.agentId]}\n${link.attributes[ATTR.memoryStore]}`);
        remove(this.byChild, link.attributes[ATTR.childSessionId], link);
        remove(this.byParent, link.attributes[ATTR.parentSessionId], link);
      }
    }
    this.sessions.delete(session);
  }
}

function push<K>(map: Map<K, LinkCopy[]>, key: K, link: LinkCopy): void {
  const list = map.get(key);
  if (list) list.push(link);
  else map.set(key, [link]);
}

function remove(map: Map<string, LinkCopy[]>, key: unknown, link: LinkCopy): void {
  if (typeof key !== 'string') return;
  const rest = map.get(key)?.filter((other) => other !== link);
  if (rest?.length) map.set(key, rest);
  else map.delete(key);
}
