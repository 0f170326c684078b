import { FINDING_RULES, type Finding } from '@agent-custody/chain';
import { afterEach, describe, expect, it } from 'vitest';
import { preferredFormat } from '../src/api/accept.js';
import { EXPOSITION_TYPES, type ExpositionFormat } from '../src/exposition.js';
import { createMetrics, type Metrics } from '../src/metrics.js';
import { edited, recordSession, send } from './recorded-session.js';
import { get, start } from './service-support.js';

/** What Prometheus sends: 2.42, and 3.7 with the parameter that it adds. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';

const TRACE = 'c0'.repeat(16);
const SPAN = '0b'.repeat(8);

describe('the format of the exposition', () => {
  it.each([
    ['Prometheus 2', PROMETHEUS_2],
    ['Prometheus 3', PROMETHEUS_3],
    ['whoever can read nothing else', 'application/openmetrics-text'],
    ['whoever puts it first', 'text/plain;q=0.9, application/openmetrics-text; version=1.0.0; charset=utf-8'],
    ['whoever would rather have it than anything', 'application/openmetrics-text, */*;q=0.8'],
    ['odd but lawful spelling', ' Application/OpenMetrics-Text ; VERSION="1.0.0" ; Q=1.000 ,, text/plain;q=0.999'],
    ['whoever takes no text of version 0.0.4', 'application/openmetrics-text;q=0.1, text/plain;version=0.0.4;q=0, text/plain'],
  ])('is OpenMetrics for %s', (_who, accept) => {
    expect(preferredFormat(accept)).toBe('openMetrics');
  });

  it.each([
    ['no header', undefined],
    ['an empty one', ''],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['curl', '*/*'],
    ['an old scraper', 'text/plain;version=0.0.4;q=1,*/*;q=0.1'],
    ['whoever wants something else altogether', 'application/json'],
    ['whoever would rather have text', 'application/openmetrics-text;q=0.4, text/plain;q=0.5'],
    ['whoever would rather have any text', 'application/openmetrics-text;q=0.4, text/*;q=0.5'],
    ['whoever has no preference', 'application/openmetrics-text, text/plain'],
    ['whoever refuses OpenMetrics', 'application/openmetrics-text;q=0'],
    ['whoever reads another version of it', 'application/openmetrics-text;version=0.0.1'],
    ['a weight that is none', 'application/openmetrics-text;q=1.5, application/openmetrics-text;q=-1;version=1.0.0'],
    ['a wildcard that could mean it', 'application/*'],
  ])('is text for %s', (_who, accept) => {
    expect(preferredFormat(accept)).toBe('text');
  });
});

describe('/metrics', () => {
  const scrape = async (url: string, accept: string): Promise<{ type: string | null; vary: string | null; page: string }> => {
    const response = await fetch(`${url}/metrics`, { headers: { accept } });
    return { type: response.headers.get('content-type'), vary: response.headers.get('vary'), page: await response.text() };
  };

  it('answers in the format that the scraper prefers', async () => {
    const { url } = await start();
    expect(await scrape(url, PROMETHEUS_3)).toMatchObject({
      type: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      vary: 'accept',
      page: expect.stringMatching(/\n# EOF\n$/),
    });
    expect(await scrape(url, '*/*')).toMatchObject({
      type: 'text/plain; version=0.0.4; charset=utf-8',
      vary: 'accept',
      page: expect.not.stringContaining('# EOF'),
    });
  });

  it('gives many scrapers at once, each its own format', async () => {
    const { url } = await start();
    const formats: readonly ExpositionFormat[] = ['openMetrics', 'text', 'text', 'openMetrics', 'openMetrics', 'text'];
    const scraped = await Promise.all(formats.map((format) => scrape(url, format === 'text' ? 'text/plain' : PROMETHEUS_2)));
    for (const [index, format] of formats.entries()) {
      expect(scraped[index]?.type).toBe(EXPOSITION_TYPES[format]);
      expect(familiesIn(scraped[index]?.page ?? '')).toContain(format === 'text' ? 'custody_findings_total' : 'custody_findings');
      expect(scraped[index]?.page).toMatch(/^custody_findings_total\{code="gap",severity="high"\} 0$/m);
    }
  });

  it('leads from the count of a finding to the span that it is about', async () => {
    const collector = await start();
    const links = recordSession({ actions: 1 });
    const forged = links.find(({ seq }) => seq === 2);
    await send(
      collector.url,
      links.map((link) => (link === forged ? edited(link) : link)),
    );
    const { page } = await scrape(collector.url, PROMETHEUS_2);
    const [, trace, span] =
      /^custody_findings_total\{code="content_mismatch",.* 1 # \{trace_id="(\w+)",span_id="(\w+)"\} 1 \d/m.exec(page) ?? [];
    expect({ trace, span }).toEqual({ trace: forged?.traceId, span: forged?.spanId });
    const { body } = await get(collector, '/metrics');
    expect(body).toMatch(/^custody_findings_total\{code="content_mismatch",severity="critical"\} 1$/m);
  });
});

describe('both formats', () => {
  const open: Metrics[] = [];
  afterEach(() => {
    for (const metrics of open.splice(0)) metrics.close();
  });

  function counted(...places: readonly Pick<Finding, 'traceId' | 'spanId'>[]): Metrics {
    const metrics = createMetrics();
    open.push(metrics);
    for (const place of places) {
      metrics.finding({ session: '', code: 'malformed', ...FINDING_RULES.malformed, seq: 1, detail: '', healed: false, ...place });
    }
    return metrics;
  }

  it('hold the same series, whichever was asked for before', async () => {
    const metrics = counted({ traceId: TRACE, spanId: SPAN });
    metrics.request({ status: 200, seconds: 0.01, spans: 1, rejectedSpans: 0, bytes: 100 });
    const pages = [];
    for (const format of ['text', 'openMetrics', 'text', 'openMetrics'] as const) pages.push(await metrics.page()[format]());
    const [series, ...others] = pages.map(seriesIn);
    expect(series).toContain('custody_findings_total{code="malformed",severity="high"}');
    expect(series).toContain('process_cpu_seconds_total');
    for (const other of others) expect(other).toEqual(series);
  });

  it('name the same families but for the ending of counters, which OpenMetrics leaves to the series', async () => {
    const metrics = counted();
    const openMetrics = familiesIn(await metrics.page().openMetrics());
    const text = await metrics.page().text();
    const counters = [...text.matchAll(/^# TYPE (\w+) counter$/gm)].map(([, name]) => name);
    expect(counters.filter((name) => !name?.endsWith('_total'))).toEqual([]);
    expect(familiesIn(text).map((name) => (counters.includes(name) ? name?.replace(/_total$/, '') : name))).toEqual(openMetrics);
    expect(openMetrics.filter((name) => name?.endsWith('_total'))).toEqual([]);
  });

  it('count a finding that no trace is known of, without an exemplar', async () => {
    const page = await counted({ traceId: '', spanId: '' }).page().openMetrics();
    expect(page).toMatch(/^custody_findings_total\{code="malformed",severity="high"\} 1$/m);
  });

  it('count a finding whose ids are not ids: what is wrong with them goes no further', async () => {
    const hostile = [
      { traceId: 'f'.repeat(200), spanId: SPAN },
      { traceId: `${TRACE.slice(0, 30)}"}`, spanId: SPAN },
    ];
    const page = await counted(...hostile)
      .page()
      .openMetrics();
    expect(page).toMatch(/^custody_findings_total\{code="malformed",severity="high"\} 2$/m);
  });

  it('lead to the trace when the span is not known, and to the newest finding of several', async () => {
    const page = await counted({ traceId: 'aa'.repeat(16), spanId: SPAN }, { traceId: TRACE, spanId: '' })
      .page()
      .openMetrics();
    expect(page).toMatch(
      new RegExp(`^custody_findings_total\\{code="malformed",severity="high"\\} 2 # \\{trace_id="${TRACE}"\\} 1 \\d`, 'm'),
    );
  });
});

/** The series of a page, sorted: names and labels, without values and exemplars. Heaps and buckets of the process come and go. */
function seriesIn(page: string): readonly string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('nodejs_'))
    .map((line) => (/^\w+(?:\{[^}]*\})?/.exec(line) ?? [''])[0])
    .sort();
}

function familiesIn(page: string): readonly (string | undefined)[] {
  return [...page.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name);
}
