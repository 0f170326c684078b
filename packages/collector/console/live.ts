/** How often a page whose changes nobody announces is asked for again, ms. */
const POLL_MS = 5_000;

/**
 * Keeps the part of the page marked `data-live` as it would be if it were loaded now: at once when the collector says that approvals
 * changed, else every few seconds while somebody looks. What a person is writing is never taken from under their hands.
 */
export function keepLive(region: HTMLElement): void {
  const what = region.dataset['live'] ?? '';
  let current = region;
  let asking = false;
  const refresh = async (): Promise<void> => {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const fresh = await load();
      if (fresh === undefined) return;
      if (differs(current, fresh)) {
        replace(current, fresh);
        current = fresh;
      } else renewToken(current, fresh);
    } catch {
      // The collector restarts, or the network is away: the next time.
    } finally {
      asking = false;
    }
  };
  const listen = what === 'sessions' ? () => undefined : listener(() => void refresh());
  listen();
  setInterval(() => void refresh(), POLL_MS);
  document.addEventListener('visibilitychange', () => {
    listen();
    void refresh();
  });
}

/**
 * Listens while the page is looked at. Over HTTP/1.1 a browser has six connections to one host for all of its pages: were each to
 * keep one, the seventh page would never load.
 */
function listener(heard: () => void): () => void {
  let events: EventSource | undefined;
  return () => {
    if (document.hidden) {
      events?.close();
      events = undefined;
    } else if (events === undefined) {
      events = new EventSource('/console/events');
      events.addEventListener('approvals', heard);
    }
  };
}

async function load(): Promise<HTMLElement | undefined> {
  const response = await fetch(location.href, { credentials: 'same-origin', headers: { accept: 'text/html' } });
  if (!response.ok) return undefined;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const region = page.querySelector<HTMLElement>('[data-live]') ?? undefined;
  // Signed out meanwhile, it is another page.
  if (region !== undefined) document.title = page.title;
  return region;
}

/** What a person writes, and where the keyboard is, goes over to the new part; what changed is said to whoever does not see it. */
function replace(current: HTMLElement, fresh: HTMLElement): void {
  const focused = document.activeElement;
  const written = current.querySelector('textarea')?.value ?? '';
  const heir = focused !== null && current.contains(focused) ? fresh.querySelector<HTMLElement>(placeOf(focused)) : null;
  const said = current.dataset['summary'] !== fresh.dataset['summary'] ? fresh.dataset['summary'] : undefined;
  current.replaceWith(fresh);
  const area = fresh.querySelector('textarea');
  if (area !== null) area.value = written;
  heir?.focus();
  const announcer = document.querySelector('[data-announce]');
  if (announcer !== null && said !== undefined) announcer.textContent = said;
}

function placeOf(element: Element): string {
  const href = element.getAttribute('href');
  if (href !== null) return `a[href="${CSS.escape(href)}"]`;
  return element.id !== ''
    ? `#${CSS.escape(element.id)}`
    : `${element.localName}[value="${CSS.escape(element.getAttribute('value') ?? '')}"]`;
}

/** A collector that was started anew knows none of the tokens that it gave before: a comment must not be lost to that. */
function renewToken(current: HTMLElement, fresh: HTMLElement): void {
  const [held, given] = [current, fresh].map((element) => element.querySelector<HTMLInputElement>('input[name=csrf]'));
  if (held && given) held.value = given.value;
}

/** A form is replaced only when what it is about has changed: it may hold half a comment. */
function differs(current: HTMLElement, fresh: HTMLElement): boolean {
  const state = (element: HTMLElement): string | undefined => element.dataset['state'];
  if (current.querySelector('form') !== null && state(current) === state(fresh)) return false;
  return current.innerHTML !== fresh.innerHTML;
}
