import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeAnthropic } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

/** A folder for the native program to live in, with models of our own: nothing of the machine's settings, and nothing left behind. */
export function home() {
  const folder = mkdtempSync(join(tmpdir(), 'agent-custody-claude-'));
  const apis = [];
  return {
    folder,
    /** A model that answers with these steps, and the options of a query to it. */
    async model(steps, options) {
      const api = await fakeAnthropic(steps, options);
      apis.push(api);
      const env = {
        PATH: process.env.PATH,
        HOME: folder,
        CLAUDE_CONFIG_DIR: join(folder, 'config'),
        ANTHROPIC_BASE_URL: api.url,
        ANTHROPIC_API_KEY: 'none',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      };
      return { requests: api.requests, options: { cwd: folder, env, model: 'claude-x', settingSources: [] } };
    },
    leave() {
      for (const api of apis) api.close();
      rmSync(join(folder, 'begun'), { force: true });
      try {
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      } catch {
        // A program that was killed may still be writing: the folder is in the temporary one.
      }
    },
  };
}
