import { styleText } from 'node:util';
import { type DestinationStream, type Logger, pino } from 'pino';
import { SERVICE_NAME } from './engine/spans.js';
import { printable } from './printable.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where log lines go: standard error, or a test's collector of lines. */
export interface LogStream {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
  write(line: string): unknown;
}

/**
 * The service's log: one JSON object a line, or a line for people when the stream is a terminal. Nothing that agents send but ids,
 * names and codes is ever given to it; tokens and headers never are.
 */
export function createLog(level: LogLevel, stream: LogStream = process.stderr): Logger {
  const paint: Painter = stream.hasColors?.() ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
  const destination: DestinationStream = { write: (line) => stream.write(stream.isTTY ? forPeople(line, paint) : line) };
  return pino(
    {
      level,
      base: { service: SERVICE_NAME },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

type Painter = (style: Parameters<typeof styleText>[0], text: string) => string;

const COLOURS = { trace: 'gray', debug: 'gray', info: 'green', warn: 'yellow', error: 'red', fatal: 'red' } as const;

function forPeople(line: string, paint: Painter): string {
  const { level, time, msg, service: _service, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const label = String(level);
  const colour = COLOURS[label as keyof typeof COLOURS] ?? 'gray';
  const rest = Object.entries(fields).map(
    ([name, value]) => ` ${paint('dim', `${name}=`)}${printable(typeof value === 'string' ? value : JSON.stringify(value))}`,
  );
  return `${String(time).slice(11, 19)} ${paint(colour, label.toUpperCase().padEnd(5))} ${printable(String(msg))}${rest.join('')}\n`;
}
