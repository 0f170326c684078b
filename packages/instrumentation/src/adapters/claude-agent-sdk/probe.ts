import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Exports } from '../adapter.js';
import type { Message } from './types.js';

interface Sdk {
  query(params: object): AsyncIterable<Message>;
}
interface Request {
  readonly type?: string;
  readonly request_id?: string;
  readonly request?: {
    readonly subtype?: string;
    readonly hooks?: Readonly<Record<string, readonly { readonly hookCallbackIds: string[] }[]>>;
  };
}

/**
 * Has a query call the tool `name` once. In the place of the native program there are a few lines of its protocol: JSON by the line,
 * in which it asks for the hooks that were registered.
 */
export async function probeQuery(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const sdk = (await load('@anthropic-ai/claude-agent-sdk')) as unknown as Sdk;
  const options = { spawnClaudeCodeProcess: () => new Program(name), settingSources: [] };
  for await (const message of sdk.query({ prompt: '.', options })) if (message.type === 'result') return;
}

class Program extends EventEmitter {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  killed = false;
  exitCode: number | null = null;
  private readonly tool: string;
  private hooks: NonNullable<NonNullable<Request['request']>['hooks']> = {};
  private text = '';

  constructor(tool: string) {
    super();
    this.tool = tool;
    this.stdin.on('data', (chunk: unknown) => this.read(String(chunk)));
    this.stdin.on('end', () => this.kill());
  }

  kill(): boolean {
    if (this.killed) return true;
    this.killed = true;
    this.exitCode = 0;
    this.stdout.end();
    this.stderr.end();
    setImmediate(() => this.emit('exit', 0, null));
    return true;
  }

  private read(chunk: string): void {
    const lines = `${this.text}${chunk}`.split('\n');
    this.text = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.answer(JSON.parse(line) as Request);
  }

  private answer({ type, request_id, request }: Request): void {
    if (type === 'control_request') {
      if (request?.subtype === 'initialize') this.hooks = request.hooks ?? {};
      this.say({ type: 'control_response', response: { subtype: 'success', request_id, response: { commands: [], models: [] } } });
    }
    if (type === 'user') this.call('PreToolUse', {});
    if (type === 'control_response' && this.waiting === 'PreToolUse') this.call('PostToolUse', { tool_response: 'done' });
    else if (type === 'control_response') {
      this.say({ type: 'result', subtype: 'success', is_error: false, result: '', session_id: this.tool, num_turns: 1 });
      this.stdin.end();
    }
  }

  private waiting: string | undefined;

  /** Asks for the hooks of an event, the last registered first in line: this package's own. */
  private call(event: string, more: object): void {
    this.waiting = event;
    const callback_id = this.hooks[event]?.at(-1)?.hookCallbackIds.at(-1);
    if (callback_id === undefined) {
      this.kill();
      return;
    }
    const input = { hook_event_name: event, tool_name: this.tool, tool_input: {}, tool_use_id: this.tool, session_id: this.tool, ...more };
    this.say({
      type: 'control_request',
      request_id: event,
      request: { subtype: 'hook_callback', callback_id, input, tool_use_id: this.tool },
    });
  }

  private say(message: object): void {
    this.stdout.write(`${JSON.stringify(message)}\n`);
  }
}
