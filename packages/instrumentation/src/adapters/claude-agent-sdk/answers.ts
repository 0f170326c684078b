import { guarded } from '../../errors.js';
import type { HookCallback, HookInput } from './types.js';

/** What a call goes on with once the application's hooks have answered. */
interface Answered {
  readonly input: unknown;
  /** It is put off: another query may take it up. */
  readonly deferred: boolean;
}

interface Asked {
  readonly answers: Promise<void>[];
  changed?: { readonly input: unknown };
  denied: boolean;
  deferred: boolean;
}

/**
 * What the application's own hooks answer before a call runs, seen on its way to the program. The program asks all hooks of a call at
 * once, in the order in which they were registered; of several that change the input the last to answer has its way.
 */
export class HookAnswers {
  private readonly calls = new Map<string, Asked>();

  /** The hook, whose answers are listened to. */
  watch(hook: HookCallback): HookCallback {
    const hear = (input: HookInput | undefined, signal: AbortSignal | undefined, answer: unknown): void => this.hear(input, signal, answer);
    return function (this: unknown, ...args: Parameters<HookCallback>) {
      const answer = Reflect.apply(hook, this, args);
      guarded('listening to a hook', () => hear(args[0], args[2]?.signal, answer));
      return answer;
    };
  }

  /** Waits for the hooks that were asked about a call. */
  async about({ tool_use_id: callId, tool_input: given }: HookInput): Promise<Answered> {
    const asked = this.calls.get(String(callId));
    await Promise.all(asked?.answers ?? []);
    this.calls.delete(String(callId));
    return { input: asked?.changed ? asked.changed.input : given, deferred: asked?.deferred === true && !asked.denied };
  }

  private hear(input: HookInput | undefined, signal: AbortSignal | undefined, answer: unknown): void {
    if (typeof input?.tool_use_id !== 'string') return;
    const asked: Asked = this.calls.get(input.tool_use_id) ?? { answers: [], denied: false, deferred: false };
    this.calls.set(input.tool_use_id, asked);
    asked.answers.push(untilAborted(answer, signal, (output) => keep(asked, output)));
  }
}

/** An answer that comes after its time is one that the program does not wait for. */
async function untilAborted(answer: unknown, signal: AbortSignal | undefined, heard: (output: unknown) => void): Promise<void> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) resolve();
  });
  const answered = Promise.resolve(answer).then(
    (output) => {
      if (!signal?.aborted) guarded('reading the answer of a hook', () => heard(output));
    },
    () => undefined,
  );
  await Promise.race([answered, aborted]);
  signal?.removeEventListener('abort', abort);
}

function keep(asked: Asked, output: unknown): void {
  const { async: later, decision, hookSpecificOutput: specific } = (output ?? {}) as Readonly<Record<string, unknown>>;
  if (later === true) return;
  if (decision === 'block') asked.denied = true;
  if (typeof specific !== 'object' || specific === null) return;
  const { hookEventName, permissionDecision, updatedInput } = specific as Readonly<Record<string, unknown>>;
  if (hookEventName !== 'PreToolUse') return;
  if (permissionDecision === 'deny') asked.denied = true;
  if (permissionDecision === 'defer') asked.deferred = true;
  if (typeof updatedInput === 'object' && updatedInput !== null) asked.changed = { input: JSON.parse(JSON.stringify(updatedInput)) };
}
