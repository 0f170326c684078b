import { streamText } from 'ai';
import { agentFor } from '../../../lib/agent.js';

export async function POST(request) {
  const { to } = await request.json();
  return streamText(agentFor(to)).toUIMessageStreamResponse();
}
