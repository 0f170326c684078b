import { ATTR } from '@agent-custody/chain';
import { METRIC } from '@agent-custody/collector';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PROMETHEUS, SPANS_PER_SET, TEMPO } from './panels/targets.js';
import { type AttributeName, is, present, span } from './traceql.js';
import { DATASOURCE } from './uids.js';

const ALL = { selected: true, text: 'All', value: '$__all' };
/** What the data sources' editors of variables write for "values of a label": the same of both. */
const LABEL_VALUES = 1;

const datasource = (name: 'tempo' | 'prometheus', label: string): DatasourceVariableBuilder =>
  new DatasourceVariableBuilder(name).label(label).type(name).current({ selected: true, text: label, value: DATASOURCE[name] });

export const tempo = (): DatasourceVariableBuilder => datasource('tempo', 'Tempo');
export const prometheus = (): DatasourceVariableBuilder => datasource('prometheus', 'Prometheus');

/** Values that Tempo has seen of an attribute. */
function valuesOf(name: string, label: string, attribute: AttributeName): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(TEMPO)
    .query({ type: LABEL_VALUES, label: ATTR[attribute], refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(ALL);
}

export const agent = (): QueryVariableBuilder => valuesOf('agent', 'Agent', 'agentId');
export const principal = (): QueryVariableBuilder => valuesOf('principal', 'Principal', 'principal');

/**
 * Where the collectors say that people reach their console: nothing to set here, and the right one wherever the collector runs. Never
 * taken from the address of the page: a link to a dashboard could otherwise send an approver, with their token, to somebody else's.
 */
export function consoleUrl(): Builder<VariableModel> {
  const variable = new QueryVariableBuilder('console')
    .label('Console')
    .datasource(PROMETHEUS)
    .query({ qryType: LABEL_VALUES, query: `label_values(${METRIC.console}, url)`, refId: 'console' })
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.AlphabeticalAsc)
    .allowCustomValue(false);
  // The builder has no method for it.
  return { build: () => ({ ...variable.build(), skipUrlSync: true }) };
}

/** A condition by name: what is chosen goes into the query as it stands. */
function condition(name: string, label: string, conditions: Readonly<Record<string, string>>): CustomVariableBuilder {
  const options = Object.entries(conditions).map(([text, value], index) => ({ selected: index === 0, text, value }));
  const [first] = options;
  return new CustomVariableBuilder(name)
    .label(label)
    .values(options.map(({ text, value }) => `${text} : ${value}`).join(', '))
    .options(options)
    .current(first ?? { text: '', value: '' });
}

export const verdict = (): CustomVariableBuilder =>
  condition('verdict', 'Verdict reached', {
    any: present('verdictIntegrity'),
    intact: is('verdictIntegrity', 'intact'),
    broken: is('verdictIntegrity', 'broken'),
    incomplete: is('verdictCompleteness', 'incomplete'),
    complete: is('verdictCompleteness', 'complete'),
    approved: is('verdictAuthority', 'approved'),
    deviated: is('verdictAuthority', 'deviated'),
  });

/** Ranges of the chain as long as what one search gives. */
export const range = (): CustomVariableBuilder =>
  condition(
    'links',
    'Links',
    Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => {
        const from = index * SPANS_PER_SET;
        return [`${from + 1} to ${from + SPANS_PER_SET}`, `${span('seq')} > ${from} && ${span('seq')} <= ${from + SPANS_PER_SET}`];
      }),
    ),
  );

export const session = (): TextBoxVariableBuilder =>
  text('session', 'Session', 'The session id, 32 hex: a link from any table fills it in.');
export const trace = (): TextBoxVariableBuilder => text('trace', 'Trace', 'The trace id, 32 hex: a link from any table fills it in.');

function text(name: string, label: string, description: string): TextBoxVariableBuilder {
  return new TextBoxVariableBuilder(name)
    .label(label)
    .description(description)
    .defaultValue('')
    .current({ selected: true, text: '', value: '' });
}
