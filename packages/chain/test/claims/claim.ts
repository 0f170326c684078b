import type { AttributeValue, FindingCode, Limits, Register, SpanView, WrittenLink } from '../../src/index.js';
import { COMPONENTS, viewOf } from '../honest.js';
import { componentDigest, digestOf, edit, Script } from '../script.js';

// What the claims about findings are written with.

/** Sessions that must give these findings, and no other. */
export interface Claim {
  readonly that: string;
  /** What arrives, in order; a number lets that many ms pass, with a tick. */
  readonly arrives: () => readonly (WrittenLink | SpanView | Divergence | number)[];
  /** Active findings of all sessions but `late`, as `code@seq`, in order of seq; at large: `code@0`. */
  readonly finds: readonly string[];
  readonly register?: Register;
  readonly limits?: Partial<Limits>;
}
/** A store was read back, and this link of it was not, or is again, as it is on record. */
export interface Divergence {
  readonly diverges: WrittenLink;
  readonly healed: boolean;
}
export type Claims = Readonly<Partial<Record<FindingCode, readonly Claim[]>>>;

export const at = (links: readonly WrittenLink[], seq: number): WrittenLink => links.find((link) => link.seq === seq) as WrittenLink;
export const without = (links: readonly WrittenLink[], ...seqs: number[]): WrittenLink[] =>
  links.filter((link) => !seqs.includes(link.seq));
export const replace = (links: readonly WrittenLink[], link: WrittenLink): WrittenLink[] =>
  links.map((other) => (other.seq === link.seq ? link : other));

export const plain = (count = 3): WrittenLink[] => new Script('plain').start().heartbeat(count).end().links;
export const acting = (): Script => new Script('acting').start().intent('a').outcome('a');

/** A session whose parent is `parent`, and the parent's own links. */
export function family(
  change: (parent: Script) => Script,
  parent?: { session?: string; seq?: number; hash?: string } | null,
): WrittenLink[] {
  const child = 'cd'.repeat(16);
  const mother = change(new Script('mother').start());
  const link = mother.links.at(-1) as WrittenLink;
  const named = parent === null ? undefined : { session: mother.id, seq: link.seq, hash: link.hash, ...parent };
  const daughter = new Script('daughter', mother.world, 'billing-bot', child).start({ parent: named }).end();
  return [...mother.end().links, ...daughter.links];
}
export const CHILD = 'cd'.repeat(16);

export const STATE = { system_prompt: COMPONENTS['system_prompt'] as string, tools: COMPONENTS['tools'] as string };
export const approvalOf = (components: Readonly<Record<string, string>>): Register['entries'][number] => ({
  agent: 'billing-bot',
  components,
  by: 'bob@example.com',
  ticket: 'CHG-1',
  from: '2020-01-01T00:00:00Z',
  until: null,
  withdrawn: null,
});
export const register = (...states: Readonly<Record<string, string>>[]): Register => ({ version: 1, entries: states.map(approvalOf) });
export const newTools = componentDigest('tools', ['new']);

export function spanWithout(link: WrittenLink, key: string): SpanView {
  return viewOf(edit(link, { [key]: undefined }));
}

export function disclosedWith(changes: Readonly<Record<string, AttributeValue | undefined>>): WrittenLink[] {
  const { links } = new Script('disclosed').start().disclosed('a').outcome('a').end();
  return replace(links, edit(at(links, 2), changes));
}

/** A session on the memory store `notes`, from one memory to another; `skip` moves its clock. */
export function remembering(seed: string, from: string, to: string, skip = 0): WrittenLink[] {
  const script = new Script(seed);
  for (let i = 0; i < skip; i++) script.world.place();
  script.start({ memoryStore: 'notes', components: { ...COMPONENTS, memory: digestOf(from) } });
  if (to !== from) script.change({ memory: digestOf(to) });
  return script.end().links;
}
