import type { ExpositionFormat } from '../exposition.js';

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  /** 0 to 1; 0 for one that is not wanted, or cannot be read. */
  readonly weight: number;
}

type Matches = (range: MediaRange) => boolean;

/** Which ranges speak of a format, the most specific first: the first that there is counts (RFC 9110, 12.5.1). */
const RANGES: Readonly<Record<ExpositionFormat, readonly Matches[]>> = {
  text: [
    ({ type, version }) => type === 'text/plain' && version === '0.0.4',
    ({ type, version }) => type === 'text/plain' && version === undefined,
    ({ type }) => type === 'text/*',
    ({ type }) => type === '*/*',
  ],
  // No wildcard: whoever can read it says so.
  openMetrics: [
    ({ type, version }) => type === 'application/openmetrics-text' && version === '1.0.0',
    ({ type, version }) => type === 'application/openmetrics-text' && version === undefined,
  ],
};

/**
 * The format for a scraper: OpenMetrics when it would rather have that than the text format, and text for everybody else, those too
 * who want neither.
 *
 * Parameters beside `version` and `q` do not matter. A negotiator for any media type would refuse OpenMetrics to Prometheus 3, which
 * asks for `escaping=allow-utf-8` as well: a say in metric names that are not ASCII, of which there are none.
 *
 * @param accept the header, several of them joined by commas
 * @example preferredFormat('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'); // 'openMetrics'
 */
export function preferredFormat(accept: string | undefined): ExpositionFormat {
  const ranges = (accept ?? '').split(',').map(mediaRange);
  return weightOf('openMetrics', ranges) > weightOf('text', ranges) ? 'openMetrics' : 'text';
}

function weightOf(format: ExpositionFormat, ranges: readonly MediaRange[]): number {
  for (const matches of RANGES[format]) {
    const range = ranges.find(matches);
    if (range !== undefined) return range.weight;
  }
  return 0;
}

function mediaRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim().toLowerCase());
  const parameters = new Map(rest.map(parameter));
  const weight = parameters.get('q') ?? '1';
  return { type, version: parameters.get('version'), weight: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
}

function parameter(text: string): readonly [name: string, value: string] {
  const [name = '', value = ''] = text.split('=', 2);
  return [name, value.replace(/^"(.*)"$/, '$1')];
}
