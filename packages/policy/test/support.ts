import type { ActionStatus } from '../src/index.js';
import { type Action, compilePolicy, createState, type Decision, decide, type Policy, parsePolicy, settle } from '../src/index.js';

export const NOON = Date.UTC(2026, 10, 23, 12);
export const MINUTE = 60_000;

export function action(tool: string, more: Partial<Action> = {}): Action {
  return { tool, arguments: {}, agent: 'billing-bot', session: 'a'.repeat(32), ...more };
}

/** The policies that these values stand for. */
export function policies(...documents: readonly unknown[]): readonly Policy[] {
  return documents.map((document, at) => parsePolicy(document, { file: `${at}.yaml` }));
}

/** What is decided of one call when nothing has happened before. */
export function decideOnce(document: unknown, call: Action, now = NOON): Decision {
  return decide(compilePolicy(parsePolicy(document)), createState(), call, now);
}

/** An agent's process: it keeps the state, runs what is allowed, and reports how it ended. */
export class Guard {
  private readonly policy;
  state = createState();
  now = NOON;

  constructor(...documents: readonly unknown[]) {
    this.policy = compilePolicy(policies(...documents));
  }

  decide(call: Action): Decision {
    const decision = decide(this.policy, this.state, call, this.now);
    this.state = decision.state;
    return decision;
  }

  settle({ permit }: Decision, status: ActionStatus): void {
    if (permit !== undefined) this.state = settle(this.policy, this.state, permit, status, this.now);
  }

  /** Decides, and settles what may run at once. */
  call(tool: string, { status = 'ok', ...more }: Partial<Action> & { readonly status?: ActionStatus } = {}): Decision['decision'] {
    const decision = this.decide(action(tool, more));
    this.settle(decision, status);
    return decision.decision;
  }

  /** The same call several times. */
  calls(times: number, tool: string, more: Parameters<Guard['call']>[1] = {}): Decision['decision'][] {
    return Array.from({ length: times }, () => this.call(tool, more));
  }
}
