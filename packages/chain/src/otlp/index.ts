export { encodeRequest, type SpanRecord } from './encode.js';
export { spansOfJson } from './json.js';
