import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../src/metrics.js';
import { SETTINGS } from '../src/settings/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it.each(SETTINGS.map((row) => [row.name, row] as const))('lists the setting %s as it is', (_name, row) => {
    expect(readme).toContain(`| \`${row.flag}\` | \`${row.env}\` | ${row.default} | ${row.description} |`);
  });

  it('lists no setting that there is none of', () => {
    const listed = [...readme.matchAll(/^\| `--([a-z-]+)/gm)].map((match) => match[1]);
    expect(listed).toEqual(SETTINGS.map((row) => row.name));
  });

  it('lists every metric, and none that there is none of', async () => {
    const metrics = createMetrics();
    const page = await metrics.page().text();
    metrics.close();
    const exposed = [...page.matchAll(/^# TYPE (custody_\w+)/gm)].map((match) => match[1]);
    const listed = [...readme.matchAll(/`(custody_\w+)/g)].map((match) => match[1]);
    expect([...new Set(listed)].sort()).toEqual(exposed.sort());
  });
});
