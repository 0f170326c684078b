// A process with an evidence channel that does what it is told, one JSON command a line on standard input.
import { createInterface } from 'node:readline';
import { createEvidenceChannel } from '../dist/evidence/channel.js';
import { systemRuntime } from '../dist/evidence/runtime.js';

const { leaseMs = systemRuntime.leaseMs, ...options } = JSON.parse(process.argv[2]);
const losses = [];
const logged = [];
const channel = createEvidenceChannel(
  { durability: 'spool', log: (level, message) => logged.push(`${level} ${message}`), onLoss: (loss) => losses.push(loss), ...options },
  { ...systemRuntime, leaseMs },
);

const commands = {
  append: (records) => records.map(({ session, seq, base64 }) => channel.append({ session, seq, bytes: Buffer.from(base64, 'base64') })),
  report: () => ({ state: channel.state, losses, logged }),
  flush: (ms) => channel.flush(ms),
  close: (ms) => channel.close(ms),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: () => process.exit(3),
  throw: () => setImmediate(() => JSON.parse('not JSON')),
  letGo: () => process.stdin.destroy(),
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const [name, argument] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ answer: (await commands[name](argument)) ?? null })}\n`);
});
