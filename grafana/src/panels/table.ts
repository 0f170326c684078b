import { ATTR } from '@agent-custody/chain';
import { TableCellHeight } from '@grafana/grafana-foundation-sdk/common';
import type { DataTransformerConfig, DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { type AttributeName, span } from '../traceql.js';
import { WORDS } from './colours.js';
import type { FieldLink } from './links.js';
import type { About } from './look.js';
import { spans, TEMPO } from './targets.js';

/** How a column is shown. */
interface Show {
  /** Pixels. A hash is cut by its column: what differs shows in the first few digits. */
  readonly width?: number;
  /** A word that has a colour. */
  readonly word?: boolean;
  /** Long text, opened by a click on the cell. */
  readonly long?: boolean;
  readonly number?: boolean;
  readonly link?: FieldLink;
}

export type Column = readonly [attribute: AttributeName, title: string, show?: Show];

export const HASH: Show = { width: 120, long: true };
export const WORD: Show = { width: 120, word: true };

interface SpansTable extends About {
  /** Between braces, without `select`. */
  readonly query: string;
  readonly columns: readonly Column[];
  /** The title of a column with the spans' names. */
  readonly named?: string;
  /** Traces at most (default 100). */
  readonly traces?: number;
  readonly order?: { readonly by: AttributeName | 'time'; readonly descending?: boolean };
  /** What an empty table means. */
  readonly empty: string;
  /** One row for each value of these, of the other columns the last by time; and the title of a column that counts them. */
  readonly grouped?: { readonly by: readonly AttributeName[]; readonly count?: string };
}

/** Fields of the data source's frame that say nothing here. */
const NOISE = ['traceService', 'traceName', 'duration'];

/**
 * A table of spans. Each row carries the data source's own link from its span id to the trace at that span.
 *
 * Empty cells are attributes that a span lacks, and also those that are 0 or an array: the data source shows neither. So nothing
 * here tells anything by such a value.
 */
export function spansTable(table: SpansTable): TablePanel {
  const { query, columns, traces = 100, grouped } = table;
  const selected = [...(table.named === undefined ? [] : ['name']), ...columns.map(([attribute]) => span(attribute))];
  const order = table.order ?? { by: 'time', descending: true };
  const transformations: DataTransformerConfig[] = [
    ...columns.flatMap(([attribute, , show]) => (show?.number ? [asNumber(ATTR[attribute])] : [])),
    sorted(order.by === 'time' ? 'time' : ATTR[order.by], grouped === undefined && (order.descending ?? false)),
    ...(grouped === undefined ? [] : [groups(grouped.by, columns)]),
    grouped === undefined ? organized(table) : organizedGroups(grouped, columns),
  ];
  const panel = new TablePanel()
    .title(table.title)
    .description(table.description)
    .unit(table.unit)
    .span(table.width)
    .height(table.height)
    .noValue(table.empty)
    .datasource(TEMPO)
    .cellHeight(TableCellHeight.Sm)
    .filterable(true)
    .transformations(transformations)
    .overrideByName('time', [{ id: 'custom.width', value: 170 }])
    .overrideByName('spanID', [{ id: 'custom.width', value: 150 }])
    .withTarget(spans(`${query} | select(${selected.join(', ')})`, traces));
  for (const [attribute, , show] of columns) {
    const properties = propertiesOf(show);
    const shownAs = grouped === undefined || grouped.by.includes(attribute) ? ATTR[attribute] : lastOf(ATTR[attribute]);
    if (properties.length > 0) panel.overrideByName(shownAs, properties);
  }
  if (grouped !== undefined) panel.overrideByName(lastOf('traceIdHidden'), [{ id: 'custom.hidden', value: true }]);
  return panel;
}

const lastOf = (field: string): string => `${field} (last)`;

function propertiesOf(show: Show = {}): DynamicConfigValue[] {
  return [
    ...(show.width === undefined ? [] : [{ id: 'custom.width', value: show.width }]),
    ...(show.long ? [{ id: 'custom.inspect', value: true }] : []),
    ...(show.number ? [{ id: 'unit', value: 'none' }] : []),
    ...(show.word
      ? [
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
          { id: 'mappings', value: WORDS },
        ]
      : []),
    ...(show.link === undefined ? [] : [{ id: 'links', value: [show.link] }]),
  ];
}

/** Attributes come as text whatever they are, and 10 would sort before 2. */
function asNumber(field: string): DataTransformerConfig {
  return { id: 'convertFieldType', options: { conversions: [{ targetField: field, destinationType: 'number' }], fields: {} } };
}

function sorted(field: string, desc: boolean): DataTransformerConfig {
  return { id: 'sortBy', options: { fields: {}, sort: [{ field, desc }] } };
}

function groups(by: readonly AttributeName[], columns: readonly Column[]): DataTransformerConfig {
  const last = { operation: 'aggregate', aggregations: ['last'] };
  return {
    id: 'groupBy',
    options: {
      fields: {
        ...Object.fromEntries(columns.map(([attribute]) => [ATTR[attribute], last])),
        ...Object.fromEntries(by.map((attribute) => [ATTR[attribute], { operation: 'groupby', aggregations: [] }])),
        time: { operation: 'aggregate', aggregations: ['first', 'last', 'count'] },
        traceIdHidden: last,
      },
    },
  };
}

function organized({ query, columns, named }: SpansTable): DataTransformerConfig {
  // What a condition names comes as a field as well.
  const conditions = Object.values(ATTR).filter((key) => query.includes(`span.${key} `) && !columns.some(([shown]) => ATTR[shown] === key));
  const excluded = [
    ...NOISE,
    ...(named === undefined ? ['name'] : []),
    ...conditions,
    ...(query.includes('resource.service.name') ? ['service.name'] : []),
  ];
  const order = ['time', 'name', ...columns.map(([attribute]) => ATTR[attribute]), 'spanID'];
  return organize(excluded, order, {
    time: 'Time',
    spanID: 'Open at the span',
    ...(named !== undefined && { name: named }),
    ...Object.fromEntries(columns.map(([attribute, title]) => [ATTR[attribute], title])),
  });
}

function organizedGroups({ by, count }: NonNullable<SpansTable['grouped']>, columns: readonly Column[]): DataTransformerConfig {
  const nameOf = (attribute: AttributeName): string => (by.includes(attribute) ? ATTR[attribute] : lastOf(ATTR[attribute]));
  const order = [...columns.map(([attribute]) => nameOf(attribute)), 'time (first)', 'time (last)', 'time (count)'];
  const titles = Object.fromEntries(columns.map(([attribute, title]) => [nameOf(attribute), title]));
  return organize(count === undefined ? ['time (count)'] : [], order, {
    ...titles,
    'time (first)': 'First',
    'time (last)': 'Last',
    ...(count !== undefined && { 'time (count)': count }),
  });
}

function organize(excluded: readonly string[], order: readonly string[], titles: Readonly<Record<string, string>>): DataTransformerConfig {
  return {
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(excluded.map((name) => [name, true])),
      indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
      renameByName: titles,
    },
  };
}
