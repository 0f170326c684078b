import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { printable } from '../../printable.js';
import type { Viewer } from '../sign-in.js';

export interface PageProps {
  readonly title: string;
  readonly viewer: Viewer | undefined;
  /** Where in the navigation. */
  readonly section: 'approvals' | 'sessions' | 'none';
  readonly children: ComponentChildren;
}

/** A whole page. Every text is escaped by the renderer: what agents write is shown, never run. */
export function renderPage(props: PageProps): string {
  return `<!doctype html>${renderToString(<Page {...props} />)}`;
}

function Page({ title, viewer, section, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · agent-custody`}</title>
        <link rel="stylesheet" href="/console/assets/style.css" />
        <script type="module" src="/console/assets/console.js" />
      </head>
      <body data-signed-in={viewer === undefined ? undefined : 'yes'}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="top">
          <a class="brand" href="/console/approvals">
            agent-custody
          </a>
          {viewer !== undefined && (
            <nav aria-label="Sections">
              <a href="/console/approvals" aria-current={section === 'approvals' ? 'page' : undefined}>
                Approvals
              </a>
              <a href="/console/sessions" aria-current={section === 'sessions' ? 'page' : undefined}>
                Sessions
              </a>
            </nav>
          )}
          {viewer !== undefined && <Who viewer={viewer} />}
        </header>
        <main id="main" tabIndex={-1}>
          <h1>{title}</h1>
          {children}
          <p class="hidden" role="status" data-announce />
        </main>
      </body>
    </html>
  );
}

function Who({ viewer }: { readonly viewer: Viewer }) {
  if (viewer.local) return <p class="who">This machine only, nobody is signed in</p>;
  return (
    <form class="who" method="post" action="/console/logout">
      <input type="hidden" name="csrf" value={viewer.csrf} />
      <span>
        {printable(viewer.name)}
        {viewer.may === 'read' && ' (reads only)'}
      </span>
      <button type="submit" class="quiet">
        Sign out
      </button>
    </form>
  );
}

/** A word about a state, with a colour that is not its only sign. */
export function Badge({ word, tone }: { readonly word: string; readonly tone: 'good' | 'bad' | 'warn' | 'plain' }) {
  return <span class={`badge ${tone}`}>{word}</span>;
}

/** A moment, in full for machines, short for people; in UTC, as everything in the record is. */
export function Moment({ ms }: { readonly ms: number }) {
  const iso = new Date(ms).toISOString();
  return <time dateTime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`}</time>;
}

/** What an agent wrote, as it is. */
export function Verbatim({ text }: { readonly text: string }) {
  return <pre class="verbatim">{text}</pre>;
}
