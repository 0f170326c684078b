import { describe, expect, it } from 'vitest';
import { createLog } from '../src/log.js';

function lines(stream: { isTTY?: boolean; hasColors?: () => boolean }, write: (log: ReturnType<typeof createLog>) => void): string[] {
  const out: string[] = [];
  write(createLog('info', { ...stream, write: (line) => out.push(line) }));
  return out;
}

describe('the log', () => {
  it('is one JSON object a line, with time, level and service', () => {
    const [line] = lines({}, (log) => log.warn({ session: 'a\nb' }, 'finding gap'));
    expect(line?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({
      level: 'warn',
      service: 'agent-custody-collector',
      session: 'a\nb',
      msg: 'finding gap',
      time: expect.stringMatching(/Z$/),
    });
  });

  it('leaves out what is below its level', () => {
    expect(lines({}, (log) => log.debug({}, 'x'))).toEqual([]);
  });

  it('is a line for people on a terminal, with control characters shown and not sent', () => {
    const [line] = lines({ isTTY: true }, (log) => log.info({ agent: 'a\u001b[2J\nb', links: 3 }, 'listening'));
    expect(line).toMatch(/^\d\d:\d\d:\d\d INFO {2}listening agent=a\\x1b\[2J\\x0ab links=3\n$/);
  });

  it('has colour where the terminal has', () => {
    expect(lines({ isTTY: true, hasColors: () => true }, (log) => log.info({}, 'x'))[0]).toContain('\u001b[32mINFO');
  });
});
