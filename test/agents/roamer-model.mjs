import * as ai from 'ai';
import * as fakes from 'ai/test';
import { kit } from '../../packages/instrumentation/test/fixtures/ai-program.mjs';

/** Runs of a scripted model, in every way that an application reads them. */
export function modelRuns(ran) {
  const { model, call, text, thought, until } = kit(ai, fakes);
  const inputSchema = ai.jsonSchema({ type: 'object', properties: { task: { type: 'string' } }, required: ['task'] });
  const execute = async ({ task }) => {
    ran(task);
    return { done: task };
  };
  const act = { description: 'Acts', inputSchema, execute };
  const script = (tasks) => [
    [thought('I act.'), ...tasks.map((task) => call(task, { task }, 'act'))],
    [text('That was all. '), text('Truly all.')],
  ];
  const options = ({ prompt, tasks }) => ({
    model: model(script(tasks)),
    system: prompt,
    tools: { act },
    prompt: 'Act.',
    stopWhen: until(4),
  });
  const quiet = { onError: () => undefined };

  const ways = {
    generate: (step) => ai.generateText(options(step)),
    stream: (step) => ai.streamText(options(step)).consumeStream(),
    async half(step) {
      for await (const part of ai.streamText(options(step)).fullStream) if (part.type === 'tool-call') break;
    },
    // Kept from the collector of garbage: a stream that nobody reads, not one that nobody has.
    never: async (step, unread) => void unread.push(ai.streamText(options(step))),
    async abort(step) {
      const controller = new AbortController();
      const stream = ai.streamText({ ...options(step), abortSignal: controller.signal, ...quiet });
      for await (const _ of stream.fullStream) controller.abort();
    },
    fail: (step) =>
      ai.streamText({ ...options(step), model: model([() => Promise.reject(new Error('down'))]), maxRetries: 0, ...quiet }).consumeStream(),
    agent: (step) => new ai.ToolLoopAgent({ ...options(step), instructions: step.prompt }).generate({ prompt: 'Act.' }),
  };
  return (step, unread) => ways[step.how](step, unread);
}
