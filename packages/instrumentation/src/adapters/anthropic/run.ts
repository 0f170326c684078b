import { guarded } from '../../errors.js';
import type { ActiveSession, ModelCall } from '../../types.js';
import { CurrentRun } from '../current-run.js';
import { LoopRun } from '../loop-run.js';
import { Speech } from '../speech.js';
import { RequestReader } from './request.js';
import type { Block, Message, MessageParams, MessageStream, ToolRunner, ToolUse } from './types.js';

type Call = Block & Pick<ToolUse, 'id' | 'name'>;

const byRunner = new WeakMap<ToolRunner, AnthropicRun>();
/**
 * By call that was asked for in it: a tool that starts while the reply streams starts wherever the application reads that. Weakly, since
 * a loop that is left without a word never ends.
 */
const byCall = new Map<string, WeakRef<AnthropicRun>>();
/** Calls remembered, of all loops. */
const LIMIT = 10_000;

/** One loop of a tool runner. */
export class AnthropicRun extends LoopRun {
  private readonly runner: ToolRunner;
  private readonly requests = new RequestReader();
  private model: ModelCall | undefined;
  private speech = new Speech();
  private readonly calls = new Set<string>();
  /** Calls of the latest reply, and those of them that tools were found to run for. */
  private latest: readonly Call[] = [];
  private readonly found = new Set<Call>();
  private changed = false;

  constructor(session: ActiveSession, runner: ToolRunner) {
    super(session);
    this.runner = runner;
    byRunner.set(runner, this);
  }

  static of(runner: ToolRunner): AnthropicRun | undefined {
    return byRunner.get(runner);
  }

  /** The run that a call belongs to: the one that the present code is in, else the one that asked for it. */
  static ofCall(callId: string): AnthropicRun | undefined {
    return anthropicRuns.get() ?? byCall.get(callId)?.deref();
  }

  takeOver(): void {
    this.changed = true;
  }

  /** A model call: what was asked for before it has been answered by now. */
  sends(params: MessageParams): void {
    this.model?.done();
    if (this.summarises(params)) {
      // The summary takes the place of the conversation, with all that is pending in it.
      this.changed = true;
      return;
    }
    this.answered(params);
    this.model = this.session.modelCall(this.requests.read(params));
    this.speech = new Speech();
    this.latest = [];
    this.found.clear();
  }

  /** A tool is about to run: also one that was added on the way, or that a reply that was cut off asks for. */
  begins({ id, name }: Partial<ToolUse>): void {
    if (id === undefined || name === undefined || !this.calls.has(id) || this.unexecuted.includes(id)) return;
    guarded('reading the model response', () => this.model?.asked([{ callId: id, toolName: name, runs: true }], this.speech.reasonAt(id)));
  }

  /** The call that a tool is run for, where the package does not say: they are run in the order in which they were asked for. */
  callOf(name: string, input: unknown): ToolUse | undefined {
    const text = JSON.stringify(input);
    const same = this.latest.filter((call) => call.name === name && JSON.stringify(call.input) === text);
    const call = same.find((one) => !this.found.has(one)) ?? same.at(-1);
    if (call !== undefined) this.found.add(call);
    return call;
  }

  /** A request of the runner's own, in which the agent's prompt and tools have no part. */
  private summarises({ tools, thread }: MessageParams): boolean {
    return this.runner.params?.compactionControl?.enabled === true && tools === undefined && thread === undefined;
  }

  /** The generator itself, which tells of each message before the application sees it, and of its end. */
  follow(generator: AsyncGenerator<unknown>): AsyncGenerator<unknown> {
    for (const name of ['next', 'return', 'throw'] as const) {
      const step = generator[name].bind(generator) as (...args: unknown[]) => Promise<IteratorResult<unknown>>;
      const followed = async (...args: unknown[]): Promise<IteratorResult<unknown>> => {
        try {
          const result = await anthropicRuns.enter(this, () => step(...args));
          if (result.done) guarded('ending a run', () => this.end(name !== 'next'));
          else guarded('reading the model response', () => this.heard(result.value));
          return result;
        } catch (error) {
          guarded('ending a run', () => this.end(true));
          throw error;
        }
      };
      Object.defineProperty(generator, name, { value: followed, writable: true, configurable: true });
    }
    return generator;
  }

  private heard(item: unknown): void {
    if (typeof item === 'object' && item !== null && 'on' in item && typeof item.on === 'function') {
      const stream = item as MessageStream;
      // Each block before the tool that it asks for may start.
      stream.on('contentBlock', (block) => void guarded('reading the model response', () => this.block(block)));
      stream.on('message', (message) => void guarded('reading the model response', () => this.complete(message)));
      return;
    }
    const message = item as Message;
    for (const block of message.content ?? []) this.block(block);
    this.complete(message);
  }

  private block(block: Block): void {
    this.speech.hear(block);
    if (block.type !== 'tool_use' || typeof block.id !== 'string' || typeof block.name !== 'string') return;
    this.model?.asked([{ callId: block.id, toolName: block.name }], this.speech.reason());
    this.calls.add(block.id);
    byCall.delete(block.id);
    byCall.set(block.id, new WeakRef(this));
    if (byCall.size > LIMIT) byCall.delete(byCall.keys().next().value as string);
    this.latest = [...this.latest.filter(({ id }) => id !== block.id), block as Call];
  }

  /** Only now is it known whether the runner will run the calls: a reply that was cut off asks for nothing. */
  private complete({ content = [], stop_reason }: Message): void {
    const tools = this.runner.params?.tools ?? [];
    for (const { type, id, name, toolset_name } of stop_reason === 'tool_use' ? content : []) {
      if (type !== 'tool_use' || typeof id !== 'string' || typeof name !== 'string' || this.model === undefined) continue;
      // Of a toolset's members the rest is not run once one fails.
      const runs = !toolset_name && tools.some((tool) => tool.name === name && typeof tool.run === 'function');
      this.asked(this.model, [{ callId: id, toolName: name, runs }], this.speech.reasonAt(id));
    }
    this.model?.done();
  }

  /**
   * What became of pending calls, by the results that are sent: one that has an error for a result, or none at all, was honestly not
   * run (a tool that was removed, a history that was replaced). A result for a call that was not seen to run stays open.
   */
  private answered({ messages = [] }: MessageParams): void {
    const results = new Map<unknown, boolean>();
    for (const { content } of messages) {
      if (!Array.isArray(content)) continue;
      for (const { type, tool_use_id, is_error } of content as Block[]) {
        if (type === 'tool_result') results.set(tool_use_id, is_error === true);
      }
    }
    this.forgo(this.unexecuted.filter((callId) => this.changed || results.get(callId) !== false));
    this.changed = false;
  }

  private end(early: boolean): void {
    this.model?.done();
    if (early || this.changed) this.forgo();
    for (const callId of this.calls) if (byCall.get(callId)?.deref() === this) byCall.delete(callId);
  }
}

export const anthropicRuns = new CurrentRun<AnthropicRun>('anthropic');
