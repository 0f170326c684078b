import { flush, session } from '@agent-custody/instrumentation';
import { generateText } from 'ai';
import { after } from 'next/server';
import { agentFor } from '../../../lib/agent.js';

export async function POST(request) {
  const { to } = await request.json();
  const { text, steps } = await session({ agent: { id: 'payer' }, principal: to }, () => generateText(agentFor(to)));
  after(() => flush());
  const told = steps[0].content.filter(({ type }) => type === 'tool-result' || type === 'tool-error');
  return Response.json({ text, told: told.map(({ toolName, output, error }) => [toolName, output ?? error.message]) });
}
