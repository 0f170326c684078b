import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sdk from '@anthropic-ai/claude-agent-sdk';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

const bash = (id, command) => call(id, 'Bash', { command, description: 'Runs it' });
const folder = mkdtempSync(join(tmpdir(), 'agent-custody-turns-'));
const api = await fakeAnthropic([
  [text('First.'), bash('t1', 'touch one')],
  [text('Done.')],
  [text('Second.'), bash('t2', 'touch two')],
  [text('Done.')],
  [text('Alone.'), bash('t3', 'touch three'), bash('t4', 'touch four')],
  [text('Done.')],
]);
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  CLAUDE_CONFIG_DIR: join(folder, 'config'),
  ANTHROPIC_BASE_URL: api.url,
  ANTHROPIC_API_KEY: 'none',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
};
const canUseTool = async (_name, input, { toolUseID }) =>
  toolUseID === 't2' || toolUseID === 't4' ? { behavior: 'deny', message: 'no' } : { behavior: 'allow', updatedInput: input };
const options = { cwd: folder, env, model: 'claude-x', settingSources: [], canUseTool };

/** The sessions that version 0.2 has beside queries: several turns of one, and a turn alone. */
const session = sdk.unstable_v2_createSession(options);
for (const prompt of ['Go.', 'Go on.']) {
  await session.send(prompt);
  const said = [];
  for await (const message of session.stream())
    if (message.type === 'assistant') for (const block of message.message.content) if (block.type === 'text') said.push(block.text);
  console.log(JSON.stringify({ said, named: typeof session.sessionId }));
}
session.close();
const { subtype, permission_denials: denials } = await sdk.unstable_v2_prompt('Go.', options);
console.log(JSON.stringify({ subtype, denied: denials.map(({ tool_use_id: id }) => id) }));
console.log(JSON.stringify({ files: readdirSync(folder).filter((name) => !name.startsWith('.') && name !== 'config') }));
api.close();
try {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
} catch {
  // A program that is on its way out may still be writing: the folder is in the temporary one.
}
