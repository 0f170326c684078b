// The agent of one control, in a process of its own: `node --import @agent-custody/instrumentation/register agent.js CONTROL`. The
// policy is named in its environment; nothing here knows of it.

import { audited, session } from '@agent-custody/instrumentation';
import type { Hands, Heard } from './control.js';
import { CONTROLS } from './controls/index.js';

const AGENT = { agent: { id: 'guarded-agent', name: 'Guarded agent' }, principal: 'alice@example.com', owner: 'platform@example.com' };

async function heard(tool: string, input: object, run: () => Promise<unknown>): Promise<Heard> {
  const outcome = await audited(tool, run, { arguments: () => input })().then(
    () => 'ok',
    (error: unknown) => (isRefusal(error) ? `refused: ${error.rule}` : 'error'),
  );
  process.stdout.write(`${outcome}\n`);
  return outcome;
}

function isRefusal(error: unknown): error is { readonly rule: string } {
  return error instanceof Error && error.name === 'ActionDenied' && 'rule' in error;
}

const hands: Hands = {
  call: (tool, input = {}) => heard(tool, input, async () => 'done'),
  fail: (tool, input = {}) =>
    heard(tool, input, async () => {
      throw new Error('the other side is down');
    }),
  delegate: (tool, input = {}) =>
    heard(tool, input, () => session({ agent: { id: 'helper', name: 'Helper' } }, async () => audited('look', async () => 'seen')())),
  session: (fn) => session(AGENT, fn),
};

const control = CONTROLS[process.argv[2] ?? ''];
if (control === undefined) {
  process.stderr.write(`usage: agent.js ${Object.keys(CONTROLS).join('|')}\n`);
  process.exitCode = 64;
} else {
  session(AGENT, () => control.agent(hands)).catch((error: unknown) => {
    process.stderr.write(`the agent failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
}
