// The agent: reads invoices and payments from a folder, matches them, writes a report, and tells finance. It knows nothing of chains
// or collectors; `node --import @agent-custody/instrumentation/register` arms the AI SDK and the MCP client under it.

import { join } from 'node:path';
import { session } from '@agent-custody/instrumentation';
import { stepCountIs, ToolLoopAgent } from 'ai';
import { scriptedModel } from './model.js';
import { fileTools, localTools } from './tools.js';

async function run(folder: string): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const model = scriptedModel([
    { says: 'I list the folder to see which invoices there are.', calls: [{ tool: 'list_directory', input: { path: folder } }] },
    {
      says: 'I read invoices and payments together: I need both to compare.',
      calls: [
        { tool: 'read_text_file', input: { path: at('invoices.csv') } },
        { tool: 'read_text_file', input: { path: at('payments.csv') } },
      ],
    },
    {
      thinks: 'INV-7 was paid in part. I let the matcher do the sums instead of guessing.',
      calls: [
        {
          tool: 'match_payments',
          input: {
            invoices: [
              { invoice: 'INV-6', amount: 900 },
              { invoice: 'INV-7', amount: 1250.5 },
            ],
            payments: [
              { invoice: 'INV-6', amount: 900 },
              { invoice: 'INV-7', amount: 1000 },
            ],
          },
        },
      ],
    },
    {
      says: 'The report goes where the auditors look for it.',
      calls: [{ tool: 'write_file', input: { path: at('report.md'), content: '# Open invoices\n\n- INV-7: 250.50\n' } }],
    },
    {
      says: 'Finance asked to hear of anything still open.',
      calls: [{ tool: 'send_email', input: { to: 'finance@example.com', subject: 'One invoice open', body: 'INV-7: 250.50' } }],
    },
    { says: 'One invoice is open: INV-7, 250.50. The report is written and finance is told.', calls: [] },
  ]);
  const files = await fileTools(folder, ['list_directory', 'read_text_file', 'write_file']);
  try {
    const agent = new ToolLoopAgent({
      model,
      instructions: 'You reconcile invoices with payments. You never pay anything.',
      tools: { ...files.tools, ...localTools },
      stopWhen: stepCountIs(10),
    });
    const { text } = await session(
      {
        agent: { id: 'invoice-agent', name: 'Invoice agent', version: '1.0.0' },
        principal: 'alice@example.com',
        owner: 'finance-platform@example.com',
      },
      () => agent.generate({ prompt: 'Reconcile this month and tell finance what is open.' }),
    );
    process.stdout.write(`${text}\n`);
  } finally {
    await files.close();
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: agent.js FOLDER\n');
  process.exitCode = 64;
} else {
  run(folder).catch((error: unknown) => {
    process.stderr.write(`the agent failed: ${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  });
}
