import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../src/cli/progress.js';

function stream(isTTY: boolean): { readonly out: NodeJS.WriteStream; readonly written: () => string } {
  const through = Object.assign(new PassThrough(), { isTTY, columns: 20 });
  return { out: through as unknown as NodeJS.WriteStream, written: () => String(through.read() ?? '') };
}

describe('the progress line', () => {
  it('is written over, no longer than the terminal is wide, and cleared', () => {
    const { out, written } = stream(true);
    const line = new ProgressLine(out);
    line.show('1 trace, 1 session \u001b[31mread from Tempo');
    line.clear();
    line.clear();
    expect(written()).toBe('\r\u001b[K1 trace, 1 session \r\u001b[K');
  });

  it('is nothing where there is no terminal', () => {
    const { out, written } = stream(false);
    const line = new ProgressLine(out);
    line.show('1 trace');
    line.clear();
    expect(written()).toBe('');
  });

  it('is not shown for every trace: a terminal takes its time too', () => {
    const { out, written } = stream(true);
    const line = new ProgressLine(out);
    line.show('1');
    line.show('2');
    expect(written()).toBe('\r\u001b[K1');
  });
});
