import type { HoursSource } from '../schema.js';
import { compileSelector, covers } from '../selector.js';
import { objection, type Restriction } from './restriction.js';

const DAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE = 60_000;

/** Working hours on the wall clock of a time zone (README, "hours"). Past midnight they belong to the day on which they began. */
export function compileHours(source: HoursSource, id: string, observe: boolean): Restriction {
  const selector = compileSelector(source);
  const object = objection(id, source);
  const isOpen = compileClock(source);
  const explain = `Outside the working hours of ${id} (${source.from} to ${source.to}, ${source.zone})`;
  return {
    id,
    observe,
    examine: (call, _cells, now) => (covers(selector(call), call) ? { verdict: isOpen(now) ? undefined : object(explain) } : undefined),
  };
}

function compileClock({ zone, days, from, to }: HoursSource): (now: number) => boolean {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const worked = new Set<string>(days ?? DAYS);
  const [opens, closes] = [minutes(from), minutes(to)];
  // Zones change their offset at whole minutes, so the answer holds for one: formatting costs more than all the rest.
  let minute = Number.NaN;
  let open = false;
  return (now) => {
    const current = Math.floor(now / MINUTE);
    if (current !== minute) {
      const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
      const today = (parts.get('weekday') ?? '').toLowerCase();
      const time = minutes(`${parts.get('hour')}:${parts.get('minute')}`);
      open =
        opens < closes
          ? worked.has(today) && time >= opens && time < closes
          : (worked.has(today) && time >= opens) || (worked.has(dayBefore(today)) && time < closes);
      minute = current;
    }
    return open;
  };
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function dayBefore(day: string): string {
  const at = DAYS.indexOf(day);
  return DAYS[(at + DAYS.length - 1) % DAYS.length] ?? '';
}
