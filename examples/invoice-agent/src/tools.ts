import { createRequire } from 'node:module';
import { audited } from '@agent-custody/instrumentation';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { dynamicTool, jsonSchema, type ToolSet, tool } from 'ai';

interface Payment {
  readonly invoice: string;
  readonly amount: number;
}

/** A function of the application's own: `audited` is all that it takes to have its calls on record. */
const matchPayments = audited(
  'match_payments',
  ({ invoices, payments }: { invoices: readonly Payment[]; payments: readonly Payment[] }) => {
    const paid = new Map(payments.map((payment) => [payment.invoice, payment.amount]));
    return invoices.map(({ invoice, amount }) => ({ invoice, amount, open: amount - (paid.get(invoice) ?? 0) }));
  },
);

const sendEmail = audited('send_email', async ({ to, subject }: { to: string; subject: string; body: string }) => ({
  sent: true,
  to,
  subject,
}));

const invoiceList = {
  type: 'array',
  items: { type: 'object', properties: { invoice: { type: 'string' }, amount: { type: 'number' } }, required: ['invoice', 'amount'] },
} as const;

/** The two local functions as the model sees them. */
export const localTools: ToolSet = {
  match_payments: tool({
    description: 'Matches payments to invoices and says what is still open',
    inputSchema: jsonSchema<{ invoices: Payment[]; payments: Payment[] }>({
      type: 'object',
      properties: { invoices: invoiceList, payments: invoiceList },
      required: ['invoices', 'payments'],
    }),
    execute: (input) => matchPayments(input),
  }),
  send_email: tool({
    description: 'Sends an e-mail',
    inputSchema: jsonSchema<{ to: string; subject: string; body: string }>({
      type: 'object',
      properties: { to: { type: 'string' }, subject: { type: 'string' }, body: { type: 'string' } },
      required: ['to', 'subject', 'body'],
    }),
    execute: (input) => sendEmail(input),
  }),
};

/** Starts the file system server of the Model Context Protocol over stdio, and offers its tools to the AI SDK. */
export async function fileTools(folder: string, names: readonly string[]): Promise<{ tools: ToolSet; close(): Promise<void> }> {
  const server = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js');
  const client = new Client({ name: 'invoice-agent', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [server, folder], stderr: 'ignore' }));
  const listed = await client.listTools();
  const tools: ToolSet = {};
  for (const { name, description, inputSchema } of listed.tools) {
    if (!names.includes(name)) continue;
    tools[name] = dynamicTool({
      description: description ?? '',
      inputSchema: jsonSchema(inputSchema),
      execute: (input) => client.callTool({ name, arguments: input as Record<string, unknown> }),
    });
  }
  return { tools, close: () => client.close() };
}
