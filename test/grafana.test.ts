import { ATTR } from '@agent-custody/chain';
import { METRIC, SERVICE_NAME } from '@agent-custody/collector';
import { parser as traceql } from '@grafana/lezer-traceql';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ALERT_GROUPS } from '../grafana/src/alerts/groups.js';
import { generated } from '../grafana/src/generate.js';
import { runbookEntries } from '../grafana/src/runbook.js';
import { variable } from '../grafana/src/traceql.js';
import { DASHBOARD, DATASOURCE } from '../grafana/src/uids.js';
import { dashboards, filledIn, notParsed, panels, panelsOf, read, variablesOf } from './grafana-files.js';

const runbook = read('runbook.md');
const alerts = ALERT_GROUPS.flatMap((group) => group.alerts);
const metricNames: ReadonlySet<string> = new Set(Object.values(METRIC));
const attributes: ReadonlySet<string> = new Set(Object.values(ATTR));

/** Metrics that are not the collector's own: of the scrape, and of its process. */
const FOREIGN = /^(up|process_resident_memory_bytes)$/;

const everyTarget = panels.flatMap(({ name, dashboard, panel }) =>
  (panel.targets ?? []).map((target) => ({ name, dashboard, panel, target })),
);
const promTargets = everyTarget.filter(({ target }) => target.expr !== undefined);
const tempoTargets = everyTarget.filter(({ target }) => target.query !== undefined);
const sources = parse(read('provisioning/datasources/datasources.yaml')) as {
  datasources: { uid: string; type: string; jsonData: { tracesToMetrics?: { datasourceUid: string; queries: { query: string }[] } } }[];
};
const expressions = [
  ...promTargets.map(({ name, target }) => ({ name, expr: String(target.expr).replaceAll('$__rate_interval', '5m') })),
  ...alerts.map(({ name, expr }) => ({ name, expr })),
  ...sources.datasources.flatMap(({ jsonData }) =>
    (jsonData.tracesToMetrics?.queries ?? []).map(({ query }) => ({
      name: 'trace to metrics',
      expr: query.replaceAll('$$__rate_interval', '5m'),
    })),
  ),
];

describe('what is committed', () => {
  test('is what the generator makes', () => {
    const files = [...generated(runbook)];
    expect(files.map(([path]) => path).filter((path) => path.startsWith('dashboards/'))).toHaveLength(dashboards.length);
    for (const [path, text] of files)
      expect(read(path) === text, `${path}: run \`npm run build && node grafana/dist/generate.js\``).toBe(true);
  });
});

describe('every panel', () => {
  test.each(panels)('$name has a title, a description, a unit and a query', ({ panel }) => {
    expect(panel.title).toMatch(/\S/);
    expect(panel.description).toMatch(/\S.*\.$/s);
    expect(panel.fieldConfig?.defaults.unit).toMatch(/\S/);
    if (panel.type !== 'text') expect(panel.targets?.length).toBeGreaterThan(0);
  });

  test('of time has a legend', () => {
    const silent = panels.filter(({ panel }) => panel.type === 'timeseries' && panel.options?.legend?.showLegend !== true);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test('takes its data source from a variable of its dashboard', () => {
    for (const { name, dashboard, target } of everyTarget) {
      const variable = /^\$\{(\w+)\}$/.exec(target.datasource?.uid ?? '')?.[1];
      const declared = variablesOf(dashboard).find((candidate) => candidate.name === variable);
      expect(declared, name).toMatchObject({ type: 'datasource', query: target.datasource?.type });
    }
  });

  test('names its queries apart, and fills in what the schema of Tempo asks for', () => {
    for (const { name, panel } of panels) {
      const refs = (panel.targets ?? []).map(({ refId }) => refId);
      expect(refs.every((ref) => ref !== undefined && ref !== '') && new Set(refs).size === refs.length, name).toBe(true);
    }
    for (const { name, target } of tempoTargets) expect(target, name).toMatchObject({ queryType: 'traceql', filters: [] });
  });

  test('has one TraceQL query: the data source runs no second one', () => {
    const several = panels.filter(({ panel }) => (panel.targets ?? []).filter(({ query }) => query !== undefined).length > 1);
    expect(several.map(({ name }) => name)).toEqual([]);
  });
});

describe('every dashboard', () => {
  test.each(dashboards.map((dashboard) => [dashboard.uid, dashboard] as const))(
    '%s has ids of its own and no panel over another',
    (_uid, dashboard) => {
      const ids = dashboard.panels.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const overlapping = dashboard.panels.flatMap((a, i) =>
        dashboard.panels.slice(i + 1).flatMap((b) => {
          const [p, q] = [a.gridPos, b.gridPos];
          return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h ? [`${a.title} / ${b.title}`] : [];
        }),
      );
      expect(overlapping).toEqual([]);
      expect(dashboard.panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
    },
  );

  test('has a uid of its own, and links lead to uids and variables that there are', () => {
    const uids = dashboards.map(({ uid }) => uid);
    expect([...uids].sort()).toEqual(Object.values(DASHBOARD).sort());
    const texts = [...dashboards.map((dashboard) => JSON.stringify(dashboard)), ...alerts.flatMap(({ dashboard }) => dashboard)];
    for (const text of texts) {
      for (const [, uid, query = ''] of text.matchAll(/\/d\/([\w-]+)(\?[^"\s]*)?/g)) {
        const target = dashboards.find((dashboard) => dashboard.uid === uid);
        expect(target, uid).toBeDefined();
        const variables = target === undefined ? [] : variablesOf(target).map(({ name }) => name);
        for (const [, variable] of query.matchAll(/var-(\w+)=/g)) expect(variables, `${uid} ${query}`).toContain(variable);
      }
    }
  });

  test('leads to pages of the console that there are, at the address that the collector tells', () => {
    const urls = dashboards.flatMap(({ uid, links }) => links.flatMap(({ type, url }) => (type === 'link' ? [`${uid} ${url}`] : [])));
    expect(urls).toEqual([
      `custody-overview ${variable('console:raw')}/console/approvals`,
      `custody-session ${variable('console:raw')}/console/sessions/${variable('session')}`,
    ]);
    for (const dashboard of dashboards) {
      const address = variablesOf(dashboard).find(({ name }) => name === 'console');
      const links = dashboard.links.filter(({ type }) => type === 'link');
      expect(address !== undefined, dashboard.uid).toBe(links.length > 0);
      if (address !== undefined)
        expect(address).toMatchObject({
          type: 'query',
          query: { query: `label_values(${METRIC.console}, url)` },
          skipUrlSync: true,
          allowCustomValue: false,
        });
    }
  });

  test('uses no variable that it does not have', () => {
    for (const dashboard of dashboards) {
      const queries = [
        ...panelsOf(dashboard).flatMap(({ targets = [] }) => targets.map(({ expr, query }) => expr ?? query ?? '')),
        ...dashboard.links.map(({ url = '' }) => url),
      ];
      const used = queries.flatMap((query) => [...query.matchAll(/\$\{(\w+)(?::\w+)?\}/g)].map(([, name]) => name));
      expect(variablesOf(dashboard).map(({ name }) => name)).toEqual(expect.arrayContaining(used));
    }
  });
});

describe('TraceQL', () => {
  const queries = tempoTargets.flatMap(({ name, dashboard, target }) =>
    filledIn(target.query ?? '', dashboard).map((query) => ({ name, query })),
  );

  test('parses, with every value of every condition', () => {
    const searches = queries.filter(({ query }) => !/^[0-9a-f]+$/.test(query));
    expect(searches.length).toBeGreaterThan(40);
    expect(searches.flatMap(({ query }) => notParsed(traceql, query) ?? []).map(String)).toEqual([]);
    expect(notParsed(traceql, '{ status = eror }')).toBeDefined();
  });

  test('of the README parses, and names attributes that there are', () => {
    const examples = [...read('README.md').matchAll(/^\| [^|]+ \| `(\{.*)` \|$/gm)].map(([, query = '']) => query.replaceAll('\\|', '|'));
    expect(examples.length).toBeGreaterThan(4);
    expect(examples.flatMap((query) => notParsed(traceql, query) ?? [])).toEqual([]);
    for (const query of examples)
      for (const [, name] of query.matchAll(/\bspan\.([\w.]+)/g)) expect(attributes.has(name ?? ''), name).toBe(true);
  });

  test('names attributes that there are, and the collector by its name', () => {
    for (const { name, query } of queries) {
      for (const [, attribute] of query.matchAll(/\bspan\.([\w.]+)/g))
        expect(attributes.has(attribute ?? ''), `${name}: ${attribute}`).toBe(true);
      for (const [, service] of query.matchAll(/service\.name = "([^"]*)"/g)) expect(service).toBe(SERVICE_NAME);
    }
  });

  test('never rests on a value that the table would show as empty', () => {
    for (const { name, query } of queries) expect(query, name).not.toMatch(/= (false|0)\b/);
  });

  test('looks for verdicts and findings among the spans of the collector alone: an agent could write them', () => {
    for (const { name, query } of queries) {
      if (/\{[^}]*custody\.(finding|verdict|register)\./.test(query)) expect(query, name).toContain('resource.service.name');
    }
  });
});

describe('PromQL', () => {
  test('parses', () => {
    expect(expressions.flatMap(({ expr }) => notParsed(promql, expr) ?? [])).toEqual([]);
    expect(notParsed(promql, 'sum(rate(x[5m])')).toBeDefined();
  });

  test('names metrics that the collector has', () => {
    for (const { name, expr } of expressions) {
      for (const [, metric = ''] of expr
        .replaceAll(/"[^"]*"/g, '""')
        .matchAll(/\b([a-z]\w*_(?:total|seconds|seconds_bucket|spans|bytes|sessions|successful)|up|custody_\w+)\b/g)) {
        expect(metricNames.has(metric.replace(/_bucket$/, '')) || FOREIGN.test(metric), `${name}: ${metric}`).toBe(true);
      }
    }
  });

  test('takes totals only as rate or increase, in dashboards over the interval of the graph', () => {
    for (const { name, expr } of expressions) {
      for (const [, , total] of expr.matchAll(/(rate|increase)?\(?\b(\w+_total)\b/g)) {
        expect(expr, name).toMatch(new RegExp(`\\b(rate|increase)\\(${total}(\\{[^}]*\\})?\\[`));
      }
    }
    for (const { name, target } of promTargets) {
      for (const [, range] of String(target.expr).matchAll(/\[([^\]]*)\]/g)) expect(range, name).toBe('$__rate_interval');
    }
  });
});

describe('data sources', () => {
  test('that anything names are provisioned, and no others', () => {
    expect(sources.datasources.map(({ uid }) => uid).sort()).toEqual(Object.values(DATASOURCE).sort());
    const rules = parse(read('provisioning/alerting/rules.yaml')) as { groups: { rules: { data: { datasourceUid: string }[] }[] }[] };
    const named = [
      ...rules.groups.flatMap((group) => group.rules.flatMap((rule) => rule.data.map(({ datasourceUid }) => datasourceUid))),
      ...[...read('provisioning/datasources/datasources.yaml').matchAll(/datasourceUid: (\S+)/g)].map(([, uid]) => uid ?? ''),
    ].filter((uid) => uid !== '__expr__');
    expect(new Set(named)).toEqual(new Set([DATASOURCE.prometheus, DATASOURCE.tempo]));
  });

  test('write a dollar twice, where Grafana would put in a variable', () => {
    expect(read('provisioning/datasources/datasources.yaml').replaceAll('$$', '').replace(/^#.*$/m, '')).not.toContain('$');
  });
});

describe('the README', () => {
  test('lists every alert with its severity, and no others', () => {
    const listed = [...read('README.md').matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([\w, ]+) \|/gm)].flatMap(
      ([, names = '', severities = '']) => {
        const each = severities.split(', ');
        return [...names.matchAll(/\w+/g)].map(([name], index) => `${name} ${each[index] ?? each[0]}`);
      },
    );
    expect(listed.sort()).toEqual(alerts.map(({ name, severity }) => `${name} ${severity}`).sort());
  });
});

describe('the runbook', () => {
  test('has one section for each alert, with what it means, its harmless cause, what to do first and what to preserve', () => {
    const entries = runbookEntries(runbook);
    expect(entries.map(({ alert }) => alert).sort()).toEqual(alerts.map(({ name }) => name).sort());
    for (const { alert, text } of entries) {
      const parts = [...text.matchAll(/^\*\*([\w ]+)\*\*/gm)].map(([, part]) => part);
      expect(parts, alert).toEqual(['Means', 'Usually harmless when', 'First', 'Preserve']);
    }
  });
});
