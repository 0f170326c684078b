import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { requireProgram } from './debian.js';
import { GRAFANA, read } from './grafana-files.js';
import { freePort, Running } from './processes.js';

/** One alert of a message of Alertmanager's. */
export interface Notified {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An exemplar of one series, as Prometheus stored it. */
export interface StoredExemplar {
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whoever is on call: a webhook that keeps what it is told. */
class OnCall {
  readonly notified: Notified[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly server: Server = createServer((request, response) => {
    request.setEncoding('utf8');
    let body = '';
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      this.notified.push(...(JSON.parse(body) as { alerts: Notified[] }).alerts);
      response.end();
      for (const look of this.waiting) look();
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    return `127.0.0.1:${address.port}`;
  }

  /** Resolves with the first alert that matches, told or to come. @throws after `timeoutMs` without one */
  notification(matches: (alert: Notified) => boolean, timeoutMs: number): Promise<Notified> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`no such alert within ${timeoutMs} ms; told were ${JSON.stringify(this.notified)}`));
      }, timeoutMs);
      const look = (): void => {
        const found = this.notified.find(matches);
        if (found === undefined) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Debian's Prometheus and Alertmanager on what is shipped, each address of the containers replaced by one on loopback. */
export class Alerting {
  private constructor(
    private readonly prometheus: string,
    private readonly onCall: OnCall,
    private readonly processes: readonly Running[],
  ) {}

  /** @param collector host and port to scrape */
  static async start(folder: string, collector: string): Promise<Alerting> {
    const onCall = new OnCall();
    const webhook = await onCall.listen();
    const alertmanager = `127.0.0.1:${await freePort()}`;
    const prometheus = `127.0.0.1:${await freePort()}`;
    const config = (path: string, ...addresses: readonly (readonly [shipped: string, here: string])[]): string => {
      const text = addresses.reduce((rest, [shipped, here]) => {
        if (!rest.includes(shipped)) throw new Error(`${path} names no ${shipped}`);
        return rest.replaceAll(shipped, here);
      }, read(path));
      const file = join(folder, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
      return file;
    };
    mkdirSync(join(folder, 'prometheus'));
    copyFileSync(join(GRAFANA, 'prometheus/rules.yaml'), join(folder, 'prometheus/rules.yaml'));
    const processes = [
      run('prometheus-alertmanager', [
        `--config.file=${config('alertmanager/alertmanager.yaml', ['host.docker.internal:5001', webhook])}`,
        `--storage.path=${join(folder, 'alertmanager-data')}`,
        `--web.listen-address=${alertmanager}`,
        '--cluster.listen-address=',
      ]),
      run('prometheus', [
        `--config.file=${config('prometheus/prometheus.yaml', ['alertmanager:9093', alertmanager], ['collector:4318', collector], ['tempo:3200', collector])}`,
        `--storage.tsdb.path=${join(folder, 'prometheus-data')}`,
        `--web.listen-address=${prometheus}`,
        ...shippedFeatures(),
      ]),
    ];
    return new Alerting(prometheus, onCall, processes);
  }

  /** Everything that whoever is on call was told. */
  get notified(): readonly Notified[] {
    return this.onCall.notified;
  }

  notification(matches: (alert: Notified) => boolean, timeoutMs: number): Promise<Notified> {
    return this.onCall.notification(matches, timeoutMs);
  }

  /** Names of the alerts that fire now. */
  async firing(): Promise<readonly string[]> {
    const { alerts } = await this.ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts');
    return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  }

  /** What Prometheus has scraped of exemplars of a series in the last hour. */
  async exemplars(series: string): Promise<readonly StoredExemplar[]> {
    const now = Date.now() / 1000;
    const range = new URLSearchParams({ query: series, start: String(now - 3_600), end: String(now + 60) });
    const stored = await this.ask<{ seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string> }[] }[]>(
      `query_exemplars?${range}`,
    );
    return stored.flatMap(({ seriesLabels, exemplars }) => exemplars.map(({ labels }) => ({ series: seriesLabels, labels })));
  }

  /** Resolves once Prometheus has scraped that something is so, and evaluated every rule after that. */
  async hasJudged(expression: string): Promise<void> {
    await this.until(
      async () => (await this.ask<{ result: unknown[] }>(`query?query=${encodeURIComponent(expression)}`)).result.length > 0,
    );
    const scraped = Date.now();
    await this.until(async () => {
      const { groups } = await this.ask<{ groups: { lastEvaluation: string }[] }>('rules');
      return groups.length > 0 && groups.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > scraped);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill('SIGKILL')));
    this.onCall.close();
  }

  private async until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await isSo().catch(() => false))) {
      if (Date.now() > deadline) throw new Error(`not so within a minute:\n${this.processes.flatMap(({ lines }) => lines).join('\n')}`);
      await pause(100);
    }
  }

  private async ask<T>(path: string): Promise<T> {
    const response = await fetch(`http://${this.prometheus}/api/v1/${path}`);
    return ((await response.json()) as { data: T }).data;
  }
}

/** What the container of Prometheus has switched on: without exemplar-storage it drops exemplars. */
function shippedFeatures(): readonly string[] {
  const { services } = parse(read('compose.yaml')) as { services: { prometheus: { command: readonly string[] } } };
  return services.prometheus.command.filter((argument) => argument.startsWith('--enable-feature='));
}

function run(program: 'prometheus' | 'prometheus-alertmanager', args: readonly string[]): Running {
  return new Running(spawn(requireProgram(program), args));
}
