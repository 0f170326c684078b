import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('crash-collector.mjs', import.meta.url));

/** A collector in a process of its own that can be killed and started again on the same ledger. */
export class MortalCollector {
  private child: ChildProcess | undefined;
  private address: Promise<string> = new Promise(() => undefined);

  /** @param url where it forwards to */
  constructor(
    private readonly ledger: string,
    private readonly url: string,
  ) {}

  /** @param fileBlocks what the largest file may have, in 512-byte blocks: a disk that is full beyond */
  start(fileBlocks?: number): void {
    const limit = fileBlocks === undefined ? '' : `ulimit -S -f ${fileBlocks}; `;
    const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, SCRIPT, this.ledger, this.url], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.child = child;
    this.address = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (port) => resolve(`http://127.0.0.1:${port}/v1/traces`));
      child.once('exit', () => reject(new TypeError('the collector died before it listened')));
    });
    this.address.catch(() => undefined);
  }

  /** Takes the limit of {@link start} away again. prlimit is of util-linux, which every Debian has. */
  makeRoom(): void {
    execFileSync('sh', ['-c', 'prlimit --pid "$1" --fsize=unlimited:unlimited', 'sh', String(this.child?.pid)]);
  }

  /** Where to post traces, once it listens. */
  traces(): Promise<string> {
    return this.address;
  }

  /** Posts a request. Rejects when the collector is not there. @returns the HTTP status */
  async post(body: Uint8Array): Promise<number> {
    const response = await fetch(await this.address, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(body),
    });
    await response.arrayBuffer();
    return response.status;
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
}
