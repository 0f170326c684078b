import { ATTR } from '@agent-custody/chain';
import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { SPANS_PER_SET, TEMPO } from './panels/targets.js';
import { type AttributeName, is, present, span } from './traceql.js';
import { DATASOURCE } from './uids.js';

const ALL = { selected: true, text: 'All', value: '$__all' };
/** What the data source's editor of variables writes for "values of a label". */
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
