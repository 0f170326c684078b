import type { PolicyDocument } from './schema.js';

/** The sections whose entries have ids, in the order in which they are looked at. */
export const SECTIONS = ['rules', 'hours', 'separation', 'flows', 'limits', 'budgets', 'breakers'] as const;
export type Section = (typeof SECTIONS)[number];

/** The id of an entry: the author's, or the place where it stands in the file. */
export function entryId(section: Section, place: number, given: string | undefined): string {
  return given ?? `${section}/${place}`;
}

/** The first entry whose id another one has already. */
export function duplicateId(document: PolicyDocument): { readonly id: string; readonly path: string } | undefined {
  const seen = new Set<string>();
  for (const section of SECTIONS) {
    for (const [place, { id: given }] of (document[section] ?? []).entries()) {
      const id = entryId(section, place, given);
      if (seen.has(id)) return { id, path: `/${section}/${place}` };
      seen.add(id);
    }
  }
  return undefined;
}
