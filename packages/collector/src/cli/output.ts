import { printable } from '../printable.js';

/** Says on standard error what is wrong. */
export function complain(message: string): void {
  process.stderr.write(`agent-custody: ${message.split('\n').map(printable).join('\n')}\n`);
}
