import * as callbackManager from '@langchain/core/callbacks/manager';
import { StructuredTool } from '@langchain/core/tools';
import { z } from 'zod';
import { toolArguments } from '../arguments.js';
import { Random } from '../random.js';
import { serveRuns } from './runs.js';
import { tracing } from './ways-out.js';

// One process for each way to instrument the same tool, named by the first argument; the second says where spans go.
const [, , way, url] = process.argv;

/** As the tools of the field's tutorials: arguments that are checked, a result that is text. */
class SendEmail extends StructuredTool {
  name = 'send_email';
  description = 'Sends an e-mail';
  schema = z.object({
    to: z.string(),
    subject: z.string(),
    body: z.string(),
    amount: z.number(),
    currency: z.string(),
    attachments: z.array(z.object({ name: z.string(), pages: z.number() })),
    urgent: z.boolean(),
    retries: z.number(),
  });

  /** @param {{ to: string }} input */
  async _call({ to }) {
    return `sent to ${to}`;
  }
}

const CALLS = 100;
const random = new Random(3);
const inputs = Array.from({ length: CALLS }, () => toolArguments(random));
const tool = new SendEmail();

async function invokeAll() {
  for (const input of inputs) await tool.invoke(input);
}

switch (way) {
  case 'custody': {
    const { custody, session } = await import('./custody.js');
    const finish = custody(url);
    serveRuns(() => session({ agent: { id: 'billing-bot' } }, invokeAll), finish);
    break;
  }
  case 'traceloop': {
    const { LangChainInstrumentation } = await import('@traceloop/instrumentation-langchain');
    const provider = tracing(url);
    const instrumentation = new LangChainInstrumentation();
    instrumentation.setTracerProvider(provider);
    instrumentation.manuallyInstrument({ callbackManagerModule: callbackManager });
    serveRuns(invokeAll, () => provider.forceFlush());
    break;
  }
  case 'openinference': {
    const { LangChainInstrumentation } = await import('@arizeai/openinference-instrumentation-langchain');
    const provider = tracing(url);
    const instrumentation = new LangChainInstrumentation({ tracerProvider: provider });
    instrumentation.manuallyInstrument(callbackManager);
    serveRuns(invokeAll, () => provider.forceFlush());
    break;
  }
  default:
    serveRuns(invokeAll, () => Promise.resolve());
}
