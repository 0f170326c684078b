import { ATTR } from '@agent-custody/chain';
import { SERVICE_NAME } from '@agent-custody/collector';

export type AttributeName = keyof typeof ATTR;

/** A dashboard variable, as queries and links have it. */
export const variable = (name: string): string => `\${${name}}`;

/** An attribute as TraceQL names it. */
export const span = (name: AttributeName): string => `span.${ATTR[name]}`;

export const is = (name: AttributeName, value: string): string => `${span(name)} = "${value}"`;

/**
 * Whether an attribute is among a variable's values. `pipe` leaves them as they are: with `regex`, which escapes a dot as `\.`, the
 * string would not be TraceQL any more.
 */
export const among = (name: AttributeName, values: string): string => `${span(name)} =~ "${variable(`${values}:pipe`)}"`;

export const present = (name: AttributeName): string => `${span(name)} != nil`;
export const absent = (name: AttributeName): string => `${span(name)} = nil`;

/** Spans that only a collector writes: what an agent claims to have found does not get here. */
export const BY_COLLECTOR = `resource.service.name = "${SERVICE_NAME}"`;

export const FINDINGS = `${BY_COLLECTOR} && ${present('findingCode')}`;
export const VERDICTS = `${BY_COLLECTOR} && ${present('verdictIntegrity')}`;
export const APPROVALS = `${BY_COLLECTOR} && ${present('registerTicket')}`;

/** Spans that hold to all of these. */
export const where = (...conditions: readonly string[]): string => `{ ${conditions.join(' && ')} }`;

/** Spans that hold to the second condition and have one of the first beside them, under the same parent. */
export const beside = (others: string, spans: string): string => `${others} ~ ${spans}`;

/** A time series of how many of these there are, by attributes. */
export const countedBy = (spans: string, ...by: readonly AttributeName[]): string =>
  `${spans} | count_over_time() by (${by.map(span).join(', ')})`;
