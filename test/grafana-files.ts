import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Parser } from '@lezer/common';

// What is shipped for Grafana and its neighbours, as committed.

export const GRAFANA = fileURLToPath(new URL('../grafana/', import.meta.url));

export const read = (path: string): string => readFileSync(`${GRAFANA}${path}`, 'utf8');

export interface Target {
  readonly refId?: string;
  readonly datasource?: { readonly type?: string; readonly uid?: string };
  readonly expr?: string;
  readonly query?: string;
  readonly queryType?: string;
  readonly filters?: unknown;
}
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid?: string };
  readonly targets?: readonly Target[];
  readonly options?: { readonly legend?: { readonly showLegend?: boolean }; readonly fieldOptions?: unknown };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query?: string | Readonly<Record<string, unknown>>;
  readonly options?: readonly { readonly value: string }[];
}
interface Link {
  readonly type: string;
  readonly title: string;
  readonly url?: string;
}
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly links: readonly Link[];
  readonly templating: { readonly list?: readonly Variable[] };
}

export const dashboards: readonly Dashboard[] = readdirSync(`${GRAFANA}dashboards`)
  .sort()
  .map((file) => JSON.parse(read(`dashboards/${file}`)) as Dashboard);

/** Panels that show something: not the rows between them. */
export const panelsOf = (dashboard: Dashboard): readonly Panel[] => dashboard.panels.filter(({ type }) => type !== 'row');

/** A panel with its dashboard, named for tests. */
export const panels = dashboards.flatMap((dashboard) =>
  panelsOf(dashboard).map((panel) => ({ name: `${dashboard.uid}: ${panel.title}`, dashboard, panel })),
);

export const variablesOf = (dashboard: Dashboard): readonly Variable[] => dashboard.templating.list ?? [];

/** A query with its variables put in: one for each value of a condition, any word for the others. */
export function filledIn(query: string, dashboard: Dashboard): readonly string[] {
  return variablesOf(dashboard)
    .filter(({ type }) => type === 'custom')
    .reduce(
      (queries, { name, options = [] }) =>
        queries.flatMap((text) =>
          text.includes(`\${${name}}`) ? options.map(({ value }) => text.replaceAll(`\${${name}}`, value)) : [text],
        ),
      [query],
    )
    .map((text) => text.replaceAll(/\$\{\w+(:\w+)?\}/g, 'abc123').replaceAll('$__rate_interval', '5m'));
}

/** What of a text is not of the language; undefined when all is. */
export function notParsed(parser: Parser, text: string): string | undefined {
  let wrong: string | undefined;
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) wrong ??= `at ${from}: '${text.slice(Math.max(0, from - 20), to + 20)}' in ${text}`;
    },
  });
  return wrong;
}
