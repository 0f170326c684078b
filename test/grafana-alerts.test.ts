import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FINDING_CODES } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { canHeal, FINDING_ALERTS } from '../grafana/src/alerts/codes.js';
import { ALERT_GROUPS } from '../grafana/src/alerts/groups.js';
import { Victim } from './attacks-collector.js';
import { runProgram } from './debian.js';
import { GRAFANA, read } from './grafana-files.js';

interface GrafanaRule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly data: readonly { readonly refId: string; readonly model: Readonly<Record<string, unknown>> }[];
}
const rules = (parse(read('provisioning/alerting/rules.yaml')) as { groups: { rules: GrafanaRule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const alerts = ALERT_GROUPS.flatMap((group) => group.alerts);
const PROMETHEUS = `${GRAFANA}prometheus`;

describe('what a finding is worth', () => {
  test('is said once for every code but the good news', () => {
    const claimed = FINDING_ALERTS.flatMap(({ codes }) => codes);
    expect([...claimed].sort()).toEqual(FINDING_CODES.filter((code) => code !== 'late').sort());
  });

  test('ends with the healing for what can heal, and stands for what cannot', () => {
    expect(FINDING_ALERTS.filter(({ codes }) => canHeal(codes)).map(({ name }) => name)).toContain('AgentChainGap');
    expect(canHeal(['fork', 'broken_link', 'executed_after_deny', 'fingerprint_drift'])).toBe(false);
  });

  test('wakes somebody for a broken chain, a fork, and what ran against a decision', () => {
    const critical = FINDING_ALERTS.filter(({ severity }) => severity === 'critical').map(({ name }) => name);
    expect(critical).toEqual(['AgentChainBroken', 'AgentForkDetected', 'AgentActedAfterDeny', 'AgentApprovalViolated']);
  });
});

describe('the rules of Prometheus', () => {
  test('are rules to promtool', () => {
    expect(runProgram('promtool', ['check', 'rules', 'rules.yaml'], { cwd: PROMETHEUS })).toMatchObject({ status: 0 });
  });

  test('fire when they must and not when they must not', () => {
    const { status, output } = runProgram('promtool', ['test', 'rules', 'rules.test.yaml'], { cwd: PROMETHEUS });
    expect(status, output).toBe(0);
  });

  test('are loaded by a configuration that is one', () => {
    const { status, output } = runProgram('promtool', ['check', 'config', 'prometheus.yaml'], { cwd: PROMETHEUS });
    expect(status, output).toBe(0);
    expect(output).toContain(`${alerts.length} rules found`);
  });

  test('each have a test that sees them fire', () => {
    const cases = read('prometheus/rules.test.yaml');
    expect(alerts.filter(({ name }) => !cases.includes(`alertname="${name}"`)).map(({ name }) => name)).toEqual([]);
  });

  test('keep to the conventions of mixins', () => {
    for (const { name, summary, description, expr, severity } of alerts) {
      expect(name).toMatch(/^(Agent|Custody)([A-Z][a-z]+)+$/);
      expect(summary, name).toMatch(/^[A-Z][^{}]*\.$/);
      expect(description, name).toMatch(/\{\{ \$(labels|value)/);
      expect(['critical', 'warning', 'info']).toContain(severity);
      expect(expr, name).not.toContain('$');
    }
  });
});

describe('the rules of Grafana', () => {
  test('are those of Prometheus', () => {
    expect(rules.map(({ title, labels, data }) => [title, labels, data[0]?.model['expr']])).toEqual(
      alerts.map(({ name, severity, expr }) => [name, { severity }, expr]),
    );
    expect(rules.map((rule) => rule.for)).toEqual(alerts.map(({ holds }) => holds ?? '0s'));
  });

  test('ask, reduce, and fire for every series that there is', () => {
    for (const { condition, data, title } of rules) {
      expect(condition, title).toBe('C');
      expect(data.map(({ refId }) => refId)).toEqual(['A', 'B', 'C']);
      expect(data[1]?.model).toMatchObject({ type: 'reduce', expression: 'A' });
      expect(data[2]?.model).toMatchObject({ type: 'threshold', expression: 'B' });
    }
  });

  test('hold no dollar where Grafana puts variables in, and none but labels and values elsewhere', () => {
    for (const { annotations, ...rest } of rules) {
      expect(JSON.stringify(rest)).not.toContain('$');
      expect(
        Object.values(annotations)
          .join(' ')
          .replaceAll(/\$(labels\.\w+|values\.B\.Value) /g, ''),
      ).not.toContain('$');
    }
  });

  test('have uids that Grafana takes', () => {
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
    expect(rules.filter(({ uid }) => !/^[a-z-]{1,40}$/.test(uid))).toEqual([]);
  });
});

describe('Alertmanager', () => {
  test('is given a configuration that is one', () => {
    const { status, output } = runProgram('amtool', ['check-config', 'alertmanager.yaml'], { cwd: `${GRAFANA}alertmanager` });
    expect(status, output).toBe(0);
  });
});

describe('the page of metrics', () => {
  const victim = new Victim();
  const digest = 'd'.repeat(64);
  beforeAll(() => {
    const register = join(victim.folder, 'register.json');
    const entry = {
      agent: 'billing-bot',
      components: { tools: digest },
      by: 'bob@example.com',
      ticket: 'CHG-1',
      from: '2026-01-01T00:00:00Z',
    };
    writeFileSync(register, JSON.stringify({ version: 1, entries: [entry] }));
    return victim.start('--expect-agent', 'nightly=60', '--register', register);
  });
  afterAll(() => victim.stop());

  test('has nothing that promtool finds fault with, findings, silences and approved states included', async () => {
    const attributes = { 'custody.link.seq': 1, 'custody.session.id': 'a'.repeat(32) };
    await victim.post([{ traceId: '1'.repeat(32), spanId: '2'.repeat(16), attributes }]);
    const page = await (await fetch(`${victim.url}/metrics`)).text();
    expect(page).toMatch(/^custody_open_finding_timestamp_seconds\{.*code="malformed"/m);
    expect(page).toMatch(/^custody_agent_silence_limit_seconds\{agent="nightly"\} 60$/m);
    expect(page).toMatch(new RegExp(`^custody_approved_state_info\\{agent="billing-bot",by="bob@example.com",.*,tools="${digest}",`, 'm'));
    const { status, output } = runProgram('promtool', ['check', 'metrics'], { input: page });
    expect(status, output).toBe(0);
  });
});
