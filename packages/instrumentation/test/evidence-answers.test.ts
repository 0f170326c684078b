import { describe, expect, it } from 'vitest';
import { type Answer, backoffMs, meaningOf } from '../src/evidence/answer.js';
import { rejection } from './evidence-support.js';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const answer = (status: number, more: Partial<Answer> = {}): Answer => ({
  status,
  contentType: 'application/x-protobuf',
  retryAfter: undefined,
  body: new Uint8Array(),
  ...more,
});

describe('an answer of the collector', () => {
  it.each([429, 502, 503, 504])('%i is retried', (status) => {
    expect(meaningOf(answer(status), 100, NOW)).toMatchObject({ type: 'later' });
  });

  it.each([401, 403, 404, 405, 415, 301])('%i says nothing about the records, so they are kept', (status) => {
    expect(meaningOf(answer(status), 100, NOW)).toMatchObject({
      type: 'later',
      why: expect.stringContaining('check the URL and the credentials'),
    });
  });

  it.each([400, 413, 422])('%i refuses the request', (status) => {
    expect(meaningOf(answer(status), 0, NOW)).toMatchObject({ type: 'refused', why: `the collector answered ${status}` });
  });

  it('500 is blamed on the records only when it comes again and again', () => {
    expect(meaningOf(answer(500), 0, NOW).type).toBe('later');
    expect(meaningOf(answer(500), 4, NOW).type).toBe('later');
    expect(meaningOf(answer(500), 5, NOW).type).toBe('refused');
  });

  it.each([
    ['7', 7_000],
    ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['999999', 600_000],
  ])('Retry-After: %s is honoured', (retryAfter, afterMs) => {
    expect(meaningOf(answer(503, { retryAfter }), 0, NOW)).toMatchObject({ type: 'later', afterMs });
  });

  it('Retry-After that is neither seconds nor a date is ignored', () => {
    expect(meaningOf(answer(503, { retryAfter: 'soon' }), 0, NOW)).toEqual({ type: 'later', why: 'the collector answered 503' });
  });

  it('200 with an empty body is success', () => {
    expect(meaningOf(answer(200), 0, NOW)).toEqual({ type: 'accepted' });
  });

  it('200 with rejected spans is not success, in protobuf', () => {
    expect(meaningOf(answer(200, { body: rejection(3, 'wrong\nagent') }), 0, NOW)).toEqual({
      type: 'partly',
      rejected: 3n,
      why: 'the collector rejected spans: wrong agent',
    });
  });

  it.each(['2', 2])('200 with rejected spans is not success, in JSON (%j)', (rejectedSpans) => {
    const body = Buffer.from(JSON.stringify({ partialSuccess: { rejectedSpans, errorMessage: 'no' } }));
    expect(meaningOf(answer(200, { contentType: 'application/json; charset=utf-8', body }), 0, NOW)).toMatchObject({
      type: 'partly',
      rejected: 2n,
    });
  });

  it('200 with a message and nothing rejected is a warning', () => {
    expect(meaningOf(answer(200, { body: rejection(0, 'slow down') }), 0, NOW)).toEqual({ type: 'accepted', warning: 'slow down' });
  });

  it.each([
    ['a web page', 'text/html', '<html>log in</html>'],
    ['cut protobuf', 'application/x-protobuf', '\n\x7f'],
    ['cut JSON', 'application/json', '{"partialSuccess":'],
  ])('200 with %s did not come from an OTLP receiver, so the records are kept', (_name, contentType, body) => {
    expect(meaningOf(answer(200, { contentType, body: Buffer.from(body) }), 0, NOW)).toMatchObject({ type: 'later' });
  });
});

describe('the wait before the next attempt', () => {
  it('doubles up to half a minute, half of it at random', () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1_000, 2_000, 4_000]);
    expect(backoffMs(0, 0)).toBe(250);
    expect(backoffMs(1_000, 1)).toBe(30_000);
  });
});
