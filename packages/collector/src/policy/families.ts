import type { RecordedSession } from './recorded.js';

/** Of a session: its own, and those that it was started in. */
export type FamilyIds = readonly [own: string, ...outer: string[]];

interface Family {
  readonly id: string;
  /** The one that it was started in. */
  readonly within: Family | undefined;
  /** Sessions of it, and of those started in it, that have not ended. */
  open: number;
}

/** Which sessions of a process were one to information flow, as their starts say, and which of those were started in which. */
export class Families {
  private readonly sessions = new Map<string, Family>();
  private readonly families = new Map<string, Family>();
  /** Children that are announced and have not started: as long as they have not, the family they come from goes on. */
  private readonly announced = new Map<string, Family>();

  /** The family of a session, which it joins when it is first seen, and those that it was started in. */
  of(session: RecordedSession): FamilyIds {
    const family = this.sessions.get(session.session) ?? this.begin(session);
    return [family.id, ...around(family).map(({ id }) => id)];
  }

  announce(child: string, { session }: RecordedSession): void {
    const family = this.sessions.get(session);
    if (family === undefined || this.sessions.has(child) || this.announced.has(child)) return;
    this.announced.set(child, family);
    join(family);
  }

  /** A session has ended; answers the families of which it was the last. */
  end({ session }: RecordedSession): readonly string[] {
    const family = this.sessions.get(session);
    return family === undefined ? [] : this.leave(family);
  }

  private begin({ session, parent, family: stated }: RecordedSession): Family {
    // No session's id, so that it outlives each of them.
    const id = stated ?? `family of ${session}`;
    const outer = parent === undefined ? undefined : this.sessions.get(parent);
    const family = this.families.get(id) ?? { id, within: outer?.id === id ? outer.within : outer, open: 0 };
    this.families.set(id, family);
    this.sessions.set(session, family);
    join(family);
    const announcer = this.announced.get(session);
    this.announced.delete(session);
    if (announcer) this.leave(announcer);
    return family;
  }

  private leave(family: Family): readonly string[] {
    const over = [family, ...around(family)].filter((each) => --each.open === 0);
    const root = over.find(({ within }) => within === undefined);
    // What comes after a session that has ended is still in what it was started in, as long as any of that goes on.
    if (root) {
      for (const [session, known] of this.sessions) if (outermost(known) === root) this.sessions.delete(session);
      for (const [id, known] of this.families) if (outermost(known) === root) this.families.delete(id);
    }
    return over.map(({ id }) => id);
  }
}

function outermost(family: Family): Family {
  return around(family).at(-1) ?? family;
}

function around({ within }: Family): readonly Family[] {
  return within === undefined ? [] : [within, ...around(within)];
}

function join(family: Family): void {
  for (const each of [family, ...around(family)]) each.open++;
}
