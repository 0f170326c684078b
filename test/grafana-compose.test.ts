import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { JOB } from '../grafana/src/uids.js';
import { loadSettings, planCollect, SETTINGS } from '../packages/collector/src/settings/index.js';
import { newToken } from '../packages/collector/src/settings/tokens.js';
import { readSettings } from '../packages/instrumentation/src/settings.js';
import { runProgram } from './debian.js';
import { GRAFANA, read } from './grafana-files.js';

// The containers cannot be run here: their files are held against each other and against the code.

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly read_only?: boolean;
}
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const compose = parse(read('compose.yaml')) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const { collector, tempo, prometheus, alertmanager, grafana } = compose.services as Record<
  'collector' | 'tempo' | 'prometheus' | 'alertmanager' | 'grafana',
  Service
>;
const services = Object.entries(compose.services);

/** A value as compose has it where nothing is set: `${NAME:-default}`. */
const unset = (value: string): string => value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

const dockerfile = readFileSync(`${ROOT}packages/collector/Dockerfile`, 'utf8');
const stages = dockerfile.split(/^FROM /m).slice(1);
const image = stages.at(-1) ?? '';
const imageEnv = Object.fromEntries(
  [...image.matchAll(/^(?:ENV| {4})\s*([A-Z_]+)=(\S+)/gm)].map(([, name, value]) => [name ?? '', value ?? '']),
);

const tempoConfig = parse(read('tempo/tempo.yaml')) as {
  server: { http_listen_port: number };
  distributor: { max_attribute_bytes: number; receivers: { otlp: { protocols: { http: { endpoint: string } } } } };
};
const tempoPorts = {
  query: tempoConfig.server.http_listen_port,
  otlp: portOf(tempoConfig.distributor.receivers.otlp.protocols.http.endpoint),
};
const collectorPort = portOf(imageEnv['CUSTODY_LISTEN'] ?? '');

/** Where each service listens inside its container. */
const LISTENS: Readonly<Record<string, readonly number[]>> = {
  collector: [collectorPort],
  tempo: [tempoPorts.query, tempoPorts.otlp],
  prometheus: [9090],
  alertmanager: [9093],
  grafana: [3000],
};

function portOf(address: string): number {
  return Number(/:(\d+)\/?$/.exec(address)?.[1]);
}

/** The path in the container that a file of grafana/ is mounted at. */
function mountOf(service: Service, source: string): string | undefined {
  return service.volumes.map((volume) => volume.split(':')).find(([from]) => from === source)?.[1];
}

describe('compose.yaml', () => {
  test('pins every image to one version', () => {
    for (const [name, { image, build }] of services)
      expect(image ?? build?.dockerfile, name).toMatch(/^[\w/]+:v?\d+\.\d+\.\d+$|Dockerfile$/);
  });

  test('publishes every port on loopback alone, and none that nobody listens on', () => {
    for (const [name, { ports }] of services) {
      for (const port of ports) {
        const [host, , inside] = port.split(':');
        expect(host, name).toBe('127.0.0.1');
        expect(LISTENS[name], `${name} ${port}`).toContain(Number(inside));
      }
    }
  });

  test('mounts what there is, read-only, and keeps every volume that it names', () => {
    const named = new Set<string>();
    for (const [name, { volumes }] of services) {
      for (const [source = '', , mode] of volumes.map((volume) => volume.split(':'))) {
        if (!source.startsWith('./')) named.add(source);
        else expect([existsSync(GRAFANA + source), mode], `${name} ${source}`).toEqual([true, 'ro']);
      }
    }
    expect([...named].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test('starts each program with the file that is mounted', () => {
    expect(prometheus.command).toContain(`--config.file=${mountOf(prometheus, './prometheus/prometheus.yaml')}`);
    expect(alertmanager.command).toContain(`--config.file=${mountOf(alertmanager, './alertmanager/alertmanager.yaml')}`);
    expect(tempo.command).toContain(`-config.file=${mountOf(tempo, './tempo/tempo.yaml')}`);
    const { rule_files } = parse(read('prometheus/prometheus.yaml')) as { rule_files: string[] };
    const folder = dirname(mountOf(prometheus, './prometheus/prometheus.yaml') ?? '');
    expect(rule_files.map((file) => `${folder}/${file}`)).toEqual([mountOf(prometheus, './prometheus/rules.yaml')]);
  });

  test('is one to docker-compose', () => {
    const { status, output } = runProgram('docker-compose', ['-f', 'compose.yaml', 'config', '-q'], { cwd: GRAFANA });
    expect(status, output).toBe(0);
  });
});

describe('the collector in its container', () => {
  const env = {
    ...imageEnv,
    ...Object.fromEntries(Object.entries(collector.environment ?? {}).map(([name, value]) => [name, unset(value)])),
  };

  test('is set up by variables that it has, and starts with them', () => {
    const known = new Set(SETTINGS.map((row) => row.env));
    expect(Object.keys(env).filter((name) => name.startsWith('CUSTODY_') && !known.has(name))).toEqual([]);
    const { options } = planCollect(loadSettings('collect', { flags: {}, env }), env);
    expect(options.forwarding?.url).toBe(`http://tempo:${tempoPorts.otlp}/v1/traces`);
    expect(portOf(options.tempoQuery ?? '')).toBe(tempoPorts.query);
    expect(options.listen).toEqual({ host: '0.0.0.0', port: collectorPort });
  });

  test('says where its console is on this machine, and lets in whoever has the token that was set', () => {
    const { options } = planCollect(loadSettings('collect', { flags: {}, env }), env);
    const published = new URL(options.approvals?.publicUrl ?? '');
    expect(collector.ports).toContain(`127.0.0.1:${published.port}:${collectorPort}`);
    expect(options.approvals?.approverTokens).toEqual([]);
    const { sha256 } = newToken();
    const withBob = { ...env, CUSTODY_APPROVER_TOKEN: `${sha256}:bob` };
    expect(planCollect(loadSettings('collect', { flags: {}, env: withBob }), withBob).options.approvals?.approverTokens).toEqual([
      { sha256, name: 'bob' },
    ]);
  });

  test('listens where agents look for it by default', () => {
    const published = collector.ports.map((port) => port.split(':')[1]);
    expect(published).toEqual([String(portOf(new URL(readSettings({}).endpoint).origin))]);
  });

  test('writes its ledger to a volume, and nowhere else', () => {
    const folder = dirname(imageEnv['CUSTODY_LEDGER'] ?? '');
    expect(image).toContain(`VOLUME ${folder}\n`);
    expect(mountOf(collector, 'ledger')).toBe(folder);
    expect(collector.read_only).toBe(true);
    expect(image).toMatch(new RegExp(`chown node:node ${folder}$`, 'm'));
  });

  test('is built in stages on a slim image, runs as nobody special, and can be asked how it is', () => {
    expect(stages.length).toBeGreaterThan(1);
    expect(image).toMatch(/^node:22-slim$/m);
    expect(image).toMatch(/^USER node$/m);
    expect(image.indexOf('USER node')).toBeLessThan(image.indexOf('ENTRYPOINT'));
    expect(image).toContain(`EXPOSE ${collectorPort}`);
    expect(image).toMatch(new RegExp(`HEALTHCHECK[^]*http://127\\.0\\.0\\.1:${collectorPort}/healthz`));
    expect(existsSync(`${ROOT}${/ENTRYPOINT \["node", "([^"]+)"\]/.exec(image)?.[1]}`)).toBe(true);
  });

  test('is built by the steps that build it here', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: { build: string } };
    const steps = scripts.build.split(' && ').filter((step) => step.includes('packages/collector'));
    for (const step of steps) expect(dockerfile).toContain(step);
    expect(dockerfile).toContain('npx tsc -b packages/collector');
  });

  test('is built with what building asks for, and runs with what the collector asks for', () => {
    const { devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { devDependencies: Record<string, string> };
    const builder = readFileSync(`${ROOT}packages/collector/console/build.js`, 'utf8');
    const imported = [...builder.matchAll(/from '([^':]+)'/g)].map(([, name]) => name);
    expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(['typescript', ...imported]));
    const installs = stages.map((stage) => /npm ci (.+)$/m.exec(stage)?.[1] ?? '');
    const [, build = '', dependencies = ''] = installs;
    expect(build).toContain('--include-workspace-root');
    expect(dependencies).toMatch(/--omit=dev .*--workspace packages\/collector$/);
    expect(dependencies).not.toContain('--include-workspace-root');
    // The packages of this repository that it depends on are links in node_modules: what they lead to is copied.
    expect(image).toContain('COPY --from=build /app/packages packages');
  });

  test('is built from what there is: every manifest that npm looks for is copied', () => {
    expect(existsSync(`${GRAFANA}${collector.build?.context}/${collector.build?.dockerfile}`)).toBe(true);
    const lock = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as {
      packages: Record<string, { link?: boolean; resolved?: string }>;
    };
    const workspaces = Object.values(lock.packages).flatMap(({ link, resolved }) =>
      link === true && resolved !== undefined ? [resolved] : [],
    );
    const copied = [...(stages[0] ?? '').matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources]) => sources?.split(' ') ?? []);
    const missing = workspaces.filter(
      (folder) => !copied.some((source) => folder.startsWith(`${source}/`) || source === `${folder}/package.json`),
    );
    expect(missing).toEqual([]);
    expect(copied.filter((source) => !existsSync(ROOT + source))).toEqual([]);
    const ignored = readFileSync(`${ROOT}.dockerignore`, 'utf8');
    for (const source of copied)
      expect(ignored, source).toMatch(new RegExp(`^!${source.replace(/examples\/[^/]+/, 'examples/*').replace(/[.*]/g, '\\$&')}$`, 'm'));
  });
});

describe('Tempo', () => {
  test('keeps content as long as the instrumentation sends it', () => {
    expect(tempoConfig.distributor.max_attribute_bytes).toBeGreaterThanOrEqual(readSettings({}).capture.maxBytes);
  });
});

describe('Prometheus', () => {
  const config = parse(read('prometheus/prometheus.yaml')) as {
    scrape_configs: { job_name: string; metrics_path?: string; static_configs: { targets: string[] }[] }[];
    alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
  };
  const targets = [...config.scrape_configs, ...config.alerting.alertmanagers].flatMap(({ static_configs }) =>
    static_configs.flatMap((entry) => entry.targets),
  );

  test('scrapes and tells services that listen there', () => {
    for (const target of targets) expect(LISTENS[target.split(':')[0] ?? ''], target).toContain(portOf(target));
  });

  test('names the collectors as dashboards and rules do', () => {
    const job = config.scrape_configs.find(({ static_configs }) =>
      static_configs.some((entry) => entry.targets.includes(`collector:${collectorPort}`)),
    );
    expect(job?.job_name).toBe(JOB);
  });
});

describe('Grafana', () => {
  test('reaches the services that its data sources name', () => {
    const { datasources } = parse(read('provisioning/datasources/datasources.yaml')) as { datasources: { url: string }[] };
    for (const { url } of datasources) expect(LISTENS[new URL(url).hostname], url).toContain(Number(new URL(url).port));
  });

  test('finds its provisioning and the dashboards where they are mounted', () => {
    const { providers } = parse(read('provisioning/dashboards/dashboards.yaml')) as { providers: { options: { path: string } }[] };
    const folder = mountOf(grafana, './dashboards');
    expect(providers.map(({ options }) => options.path)).toEqual([folder]);
    expect(mountOf(grafana, './provisioning')).toBe('/etc/grafana/provisioning');
    const home = grafana.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    expect(existsSync(home.replace(`${folder}`, `${GRAFANA}dashboards`))).toBe(true);
  });

  test('is given every variable that its provisioning asks for', () => {
    const asked = [...read('provisioning/alerting/contact-points.yaml').matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
    expect(asked).toEqual(['CUSTODY_ALERT_WEBHOOK']);
    for (const name of asked) expect(grafana.environment).toHaveProperty(name ?? '');
  });

  test('is where alerts say that it is', () => {
    const { global } = parse(read('prometheus/prometheus.yaml')) as { global: { external_labels: { grafana_url: string } } };
    expect(`${global.external_labels.grafana_url}/`).toBe(grafana.environment?.['GF_SERVER_ROOT_URL']);
    expect(grafana.ports.map((port) => port.split(':')[1])).toContain(new URL(global.external_labels.grafana_url).port);
  });

  test('notifies a contact point that there is', () => {
    const points = parse(read('provisioning/alerting/contact-points.yaml')) as { contactPoints: { name: string }[] };
    const { policies } = parse(read('provisioning/alerting/policies.yaml')) as { policies: { receiver: string }[] };
    for (const { receiver } of policies) expect(points.contactPoints.map(({ name }) => name)).toContain(receiver);
  });
});
