import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished } from 'vitest';
import {
  createEvidenceChannel,
  type EvidenceChannel,
  type EvidenceLoss,
  type EvidenceOptions,
  type EvidenceRecord,
  type EvidenceState,
} from '../src/evidence/index.js';
import { type EvidenceRuntime, systemRuntime } from '../src/evidence/runtime.js';

export const SESSION = '0af7651916cd43dd8448eb211c80319c';
export const OTHER_SESSION = 'b7ad6b7169203331b7ad6b7169203331';

function lengthDelimited(tag: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([tag, ...length, rest]), content]);
}

/** A record whose request holds nothing but a schema URL that names it, padded to about `size` bytes. */
export function record(seq: number, { session = SESSION, size = 0 } = {}): EvidenceRecord {
  const name = `${session}:${seq}:`.padEnd(size, '.');
  return { session, seq, bytes: lengthDelimited(0x0a, lengthDelimited(0x1a, Buffer.from(name))) };
}

/** The seqs of the records in the body of a request. */
export function seqsIn(body: Buffer, session = SESSION): number[] {
  const seqs: number[] = [];
  for (let at = 0; at < body.length; ) {
    if (body[at++] !== 0x0a) throw new Error(`no ResourceSpans at ${at - 1}`);
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = body[at++] as number;
      length += (byte & 127) * 2 ** shift;
      more = byte > 127;
    }
    const match = /([0-9a-f]{32}):(\d+):/.exec(body.toString('latin1', at, at + length));
    if (match?.[1] === session) seqs.push(Number(match[2]));
    at += length;
  }
  return seqs;
}

/** An ExportTraceServiceResponse that rejects so many spans (fewer than 128). */
export function rejection(count: number, message = 'no'): Buffer {
  return lengthDelimited(0x0a, Buffer.concat([Buffer.from([0x08, count]), lengthDelimited(0x12, Buffer.from(message))]));
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly seqs: number[];
}

/** Stands in for the collector, on a real socket. */
export class Collector {
  readonly requests: Request[] = [];
  /** Requests that were open at the same time, at most. */
  peak = 0;
  port = 0;
  private open = 0;
  /** What to answer; undefined: nothing, ever. */
  reply: (request: Request) => Reply | undefined = () => ({});
  private readonly server = createServer((request, response) => {
    this.peak = Math.max(this.peak, ++this.open);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      const seen = { headers: request.headers, body, seqs: seqsIn(body) };
      this.requests.push(seen);
      const reply = this.reply(seen);
      this.open--;
      if (reply) {
        response.writeHead(reply.status ?? 200, { 'content-type': 'application/x-protobuf', ...reply.headers });
        response.end(reply.body);
      }
      for (const listener of this.listeners) listener();
    });
  });
  private readonly listeners = new Set<() => void>();

  static async start(port = 0): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.server.listen(port, '127.0.0.1', resolve));
    collector.port = (collector.server.address() as AddressInfo).port;
    onTestFinished(() => collector.stop());
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1/traces`;
  }

  /** Seqs in the order of arrival. */
  get seqs(): number[] {
    return this.requests.flatMap((request) => request.seqs);
  }

  /** Resolves once `condition` holds after some request. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.listeners.delete(check);
        resolve();
      };
      this.listeners.add(check);
      check();
    });
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A runtime whose time moves only when told to. */
export interface ManualRuntime extends EvidenceRuntime {
  advance(ms: number): void;
}

export function manualRuntime(): ManualRuntime {
  let now = 1_800_000_000_000;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    ...systemRuntime,
    now: () => now,
    elapsed: () => now,
    random: () => 0.5,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now).sort((a, b) => a.at - b.at);
      timers = timers.filter((timer) => timer.at > now);
      for (const timer of due) timer.callback();
    },
  };
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'custody-evidence-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Opened {
  readonly channel: EvidenceChannel;
  readonly losses: EvidenceLoss[];
  readonly logged: string[];
  /** Resolves with the first log line, past or to come, that holds `part`. */
  line(part: string): Promise<string>;
}

/** A channel that is closed when the test ends; keeps to memory unless told otherwise. */
export function openChannel(options: Partial<EvidenceOptions> & { url: string }, runtime?: EvidenceRuntime): Opened {
  const losses: EvidenceLoss[] = [];
  const logged: string[] = [];
  const listeners = new Set<() => void>();
  const channel = createEvidenceChannel(
    {
      durability: 'memory',
      log: (level, message) => {
        logged.push(`${level} ${message}`);
        for (const listener of listeners) listener();
      },
      onLoss: (loss) => losses.push(loss),
      ...options,
    },
    runtime,
  );
  onTestFinished(() => channel.close(0));
  const line = (part: string): Promise<string> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = logged.find((text) => text.includes(part));
        if (found === undefined) return;
        listeners.delete(check);
        resolve(found);
      };
      listeners.add(check);
      check();
    });
  return { channel, losses, logged, line };
}

export const spoolFiles = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith('.spool'));
export const onlyFile = (directory: string): string => {
  const names = spoolFiles(directory);
  expect(names).toHaveLength(1);
  return join(directory, names[0] as string);
};

/** A spool directory with the file of a process that is gone, its lease over, holding links 1 to `count`. */
export async function abandoned(url: string, count: number, runtime: ManualRuntime, directory = temporaryDirectory()): Promise<string> {
  const { channel } = openChannel({ url, durability: 'spool', spoolDirectory: directory }, runtime);
  for (let seq = 1; seq <= count; seq++) channel.append(record(seq));
  await channel.close(0);
  return directory;
}

/** A process with a channel of its own (evidence-child.mjs, on the built package). */
export class Child {
  private readonly process: ChildProcessByStdio<Writable, Readable, null>;
  private readonly answers: AsyncIterator<string>;
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<number | string | null>;

  constructor(options: Partial<EvidenceOptions> & { url: string; leaseMs?: number }, { ulimitBlocks }: { ulimitBlocks?: number } = {}) {
    const script = fileURLToPath(new URL('./evidence-child.mjs', import.meta.url));
    const limit = ulimitBlocks === undefined ? '' : `ulimit -f ${ulimitBlocks}; `;
    this.process = spawn('bash', ['-c', `${limit}exec "$0" "$@"`, process.execPath, script, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(code ?? signal)));
    onTestFinished(async () => {
      this.signal('SIGKILL');
      await this.ended;
    });
  }

  tell(name: string, argument?: unknown): void {
    this.process.stdin.write(`${JSON.stringify([name, argument])}\n`);
  }

  async ask<Answer>(name: string, argument?: unknown): Promise<Answer> {
    this.tell(name, argument);
    const { value } = await this.answers.next();
    return (JSON.parse(value as string) as { answer: Answer }).answer;
  }

  append(...records: EvidenceRecord[]): Promise<boolean[]> {
    return this.ask(
      'append',
      records.map(({ session, seq, bytes }) => ({ session, seq, base64: Buffer.from(bytes).toString('base64') })),
    );
  }

  report(): Promise<{ state: EvidenceState; losses: EvidenceLoss[]; logged: string[] }> {
    return this.ask('report');
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }
}
