import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';

const COLOURS = {
  green: ['intact', 'complete', 'approved', 'linked', 'allow', 'ok', 'completed', 'json'],
  blue: ['open', 'held', 'require_approval', 'info'],
  yellow: ['unknown', 'cancelled', 'expired', 'abandoned', 'shutdown', 'medium', 'lossy', 'none'],
  orange: ['incomplete', 'deny', 'denied', 'error', 'timeout', 'high'],
  red: ['broken', 'deviated', 'critical'],
} as const;

/** The words of verdicts, decisions, statuses and severities, each in the colour that it has everywhere. */
export const WORDS: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(Object.entries(COLOURS).flatMap(([color, words]) => words.map((text) => [text, { text, color }]))),
  },
];
