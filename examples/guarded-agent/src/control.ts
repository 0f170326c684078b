/** What became of one call, as the agent hears it: `ok`, `error`, or `refused: RULE`. */
export type Heard = string;

/** The tools of the agent, whatever their names: each call is an action of its own. */
export interface Hands {
  call(tool: string, input?: object): Promise<Heard>;
  /** A call whose tool fails. */
  fail(tool: string, input?: object): Promise<Heard>;
  /** A call whose tool starts another agent. */
  delegate(tool: string, input?: object): Promise<Heard>;
  /** Everything inside is a session of its own; calls outside of any belong to that of the program. */
  session<T>(fn: () => Promise<T>): Promise<T>;
}

/** One control, shown by a policy, an agent that runs into it, and what is to be seen of that. */
export interface Control {
  readonly title: string;
  /** YAML. */
  readonly policy: string;
  agent(hands: Hands): Promise<void>;
  /** What the agent hears, call by call. */
  readonly hears: readonly Heard[];
  /** What humans say, in the order in which they are asked. */
  readonly humans?: readonly ('approved' | 'denied')[];
  /** Settings of the agent's process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kinds of link, or values of an attribute, that the chain must hold. */
  readonly records?: Readonly<Record<string, readonly string[]>>;
}
