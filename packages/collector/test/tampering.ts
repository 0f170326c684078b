// What somebody with write access to the ledger's file can do to the links in it.

import Database from 'libsql';

/** A link as a line of a segment holds it. */
export interface StoredLine {
  seq: string;
  hash: string;
  recomputes: string;
  disclosure: string;
  preimage: string;
  content: string;
}

const FIELDS = ['seq', 'hash', 'recomputes', 'disclosure', 'preimage', 'content'] as const;

/**
 * Rewrites the stored links that `edit` answers something for: what is to be changed of one, or 'remove'.
 *
 * @returns how many were rewritten
 */
export function tamperWithLinks(
  path: string,
  edit: (line: Readonly<StoredLine>, session: string) => Partial<StoredLine> | 'remove' | undefined,
): number {
  const database = new Database(path);
  const segments = database.prepare('SELECT id, session, links FROM segments').all() as { id: number; session: string; links: string }[];
  let rewritten = 0;
  for (const { id, session, links } of segments) {
    const lines = links.split('\n').flatMap((text) => {
      const values = text.split('\t');
      const line = Object.fromEntries(FIELDS.map((field, index) => [field, values[index] ?? ''])) as unknown as StoredLine;
      const change = edit(line, session);
      if (change === undefined) return [text];
      rewritten++;
      return change === 'remove' ? [] : [FIELDS.map((field) => change[field] ?? line[field]).join('\t')];
    });
    if (lines.length === 0) database.prepare('DELETE FROM segments WHERE id = ?').run(id);
    else database.prepare('UPDATE segments SET links = ? WHERE id = ?').run(lines.join('\n'), id);
  }
  database.close();
  return rewritten;
}
