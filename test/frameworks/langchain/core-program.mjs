/**
 * One program on @langchain/core that does what applications do by hand, for all its versions from 0.2: it prints everything that
 * an application can observe, so that two runs of it can be compared word for word.
 */
export async function run(modules, print = (line) => console.log(JSON.stringify(line))) {
  const parts = [byHand, failing, strings, streaming, nested, aborting];
  for (const part of parts) await part(kit(modules), (line) => print({ part: part.name, ...line }));
}

/** What the programs make their agents of; the model answers one message after the other, as a provider's would. */
export function kit({ tools, messages, models, outputs, calling, z }) {
  class Scripted extends models.BaseChatModel {
    at = 0;
    sent = [];
    #private = 'kept';

    constructor(steps, options = {}) {
      super(options);
      this.steps = steps;
      this.streams = options.streams ?? false;
    }

    _llmType() {
      return 'scripted';
    }

    get model() {
      return `scripted-1${this.#private === 'kept' ? '' : '?'}`;
    }

    getLsParams() {
      return { ls_provider: 'acme', ls_model_name: this.model, ls_model_type: 'chat' };
    }

    invocationParams(options) {
      return { model: this.model, tools: options?.tools, secret: this.#private };
    }

    bindTools(list, kwargs) {
      const bound = { tools: list.map((tool) => calling.convertToOpenAITool(tool)), ...kwargs };
      return this.withConfig ? this.withConfig(bound) : this.bind(bound);
    }

    async #next(sent, options) {
      this.sent.push([sent.map((message) => (message.getType ?? message._getType).call(message)), (options.tools ?? []).length]);
      const step = this.steps[this.at++];
      const answer = typeof step === 'function' ? await step(options) : step;
      if (answer instanceof Error) throw answer;
      return answer ?? new messages.AIMessage('nothing more to say');
    }

    async _generate(sent, options) {
      const message = await this.#next(sent, options);
      return { generations: [{ text: String(message.content), message }], llmOutput: {} };
    }
  }
  class Streaming extends Scripted {
    async *_streamResponseChunks(sent, options, manager) {
      const { generations } = await this._generate(sent, options);
      const { message } = generations[0];
      const blocks = typeof message.content === 'string' ? [message.content] : message.content;
      for (const content of blocks) {
        const piece = new messages.AIMessageChunk({ content: typeof content === 'string' ? content : [content] });
        yield new outputs.ChatGenerationChunk({ text: typeof content === 'string' ? content : '', message: piece });
        await manager?.handleLLMNewToken(typeof content === 'string' ? content : '');
      }
      for (const [index, call] of (message.tool_calls ?? []).entries()) {
        const whole = JSON.stringify(call.args);
        const chunks = [
          { name: call.name, id: call.id, args: whole.slice(0, 3), index, type: 'tool_call_chunk' },
          { args: whole.slice(3), index, type: 'tool_call_chunk' },
        ];
        for (const chunk of chunks) {
          const piece = new messages.AIMessageChunk({ content: '', tool_call_chunks: [chunk] });
          yield new outputs.ChatGenerationChunk({ text: '', message: piece });
        }
      }
    }
  }
  const call = (id, args, name = 'add') => ({ id, name, args, type: 'tool_call' });
  const says = (content, ...calls) => new messages.AIMessage({ content, tool_calls: calls });
  const ran = [];
  const schema = z.object({ a: z.number(), b: z.number().default(1) });
  const add = tools.tool(
    async (input, config) => {
      ran.push([input, typeof config]);
      if (input.a < 0) throw new RangeError('negative');
      return String(input.a + input.b);
    },
    { name: 'add', description: 'Adds two numbers', schema },
  );
  return { tools, messages, models, z, Scripted, Streaming, call, says, add, ran, schema };
}

const shown = (message) => ({
  type: message.constructor.name,
  content: message.content,
  ...(message.tool_call_id && { for: message.tool_call_id }),
  ...(message.tool_calls?.length && { calls: message.tool_calls.map(({ id, name, args }) => [id, name, args]) }),
});
const error = (caught) => ({ name: caught.name, message: caught.message, class: caught.constructor.name });

/** The loop that applications write themselves. */
async function byHand({ Scripted, messages, call, says, add, ran }, print) {
  const model = new Scripted([says('Two sums.', call('h1', { a: 1, b: 2 }), call('h2', { a: 5 })), says('Done.')]);
  const conversation = [new messages.SystemMessage('You add.'), new messages.HumanMessage('Add.')];
  const bound = model.bindTools([add]);
  for (;;) {
    const answer = await bound.invoke(conversation);
    conversation.push(answer);
    if (!answer.tool_calls?.length) break;
    conversation.push(...(await Promise.all(answer.tool_calls.map((asked) => add.invoke(asked)))));
  }
  print({ conversation: conversation.map(shown), sent: model.sent, ran, direct: await add.invoke({ a: 7, b: 7 }) });
}

async function failing({ Scripted, call, says, add }, print) {
  await add.invoke(call('f1', { a: -1, b: 2 })).catch((caught) => print(error(caught)));
  await add.invoke(call('f2', { a: 'one' })).catch((caught) => print({ class: caught.constructor.name, output: caught.output }));
  const model = new Scripted([new TypeError('the provider is down'), says('hi')]);
  await model.invoke('hello').catch((caught) => print(error(caught)));
  print({ batch: (await model.batch(['again', 'and again'])).map(shown) });
}

async function strings({ tools, call }, print) {
  const upper = tools.tool(async (text) => text.toUpperCase(), { name: 'upper', description: 'Upper case' });
  class Lower extends tools.Tool {
    name = 'lower';
    description = 'Lower case';
    #calls = 0;
    async _call(text) {
      this.#calls++;
      return `${text.toLowerCase()} ${this.#calls}`;
    }
  }
  const lower = new Lower();
  print({ upper: await upper.invoke('a'), message: shown(await upper.invoke(call('t1', { input: 'b' }, 'upper'))) });
  print({ lower: [await lower.invoke('A'), await lower.call('B')], name: lower.getName(), json: JSON.stringify(lower.toJSON()) });
}

async function streaming({ Streaming, Scripted, call, says, add }, print) {
  const model = new Streaming([says('Half a word.', call('s1', { a: 1, b: 2 })), says('Done.')]);
  let whole;
  for await (const chunk of await model.bindTools([add]).stream('Add.')) whole = whole ? whole.concat(chunk) : chunk;
  print({ ...shown(whole), result: shown(await add.invoke(whole.tool_calls[0])) });
  const events = [];
  for await (const { event, name } of model.streamEvents('Go on.', { version: 'v2' })) events.push([event, name]);
  const plain = [];
  for await (const chunk of await new Scripted([says('whole')]).stream('hi')) plain.push(chunk.content);
  print({ events, plain });
}

async function nested({ tools, z, add, call }, print) {
  const twice = tools.tool(
    async ({ a }, config) => {
      const once = await add.invoke({ a, b: a }, config);
      return `${typeof once === 'string' ? once : once.content} ${await add.invoke(call('n2', { a, b: 0 }))}`;
    },
    { name: 'twice', description: 'Doubles', schema: z.object({ a: z.number() }) },
  );
  print({ twice: await twice.invoke({ a: 4 }) });
}

async function aborting({ tools, z }, print) {
  const controller = new AbortController();
  const slow = tools.tool(
    (_input, config) =>
      new Promise((_resolve, reject) => {
        config.signal?.addEventListener('abort', () => reject(config.signal.reason));
        controller.abort();
      }),
    { name: 'slow', description: 'Waits', schema: z.object({}) },
  );
  await slow.invoke({}, { signal: controller.signal }).catch((caught) => print({ thrown: caught.name }));
}
