import { readFileSync, statSync } from 'node:fs';
import { fingerprintDigest } from '@agent-custody/chain';
import { type CompiledPolicy, compilePolicy, PolicyError, parsePolicy, policyValue } from '@agent-custody/policy';
import { nodeHashing } from '../hashing.js';

/** How often files are looked at, at most, ms: a decision costs no system call in between. */
const LOOK_EVERY_MS = 1_000;

/** A policy that is in force. */
export interface PolicyInForce {
  readonly compiled: CompiledPolicy;
  /** `custody.fingerprint.policy`. */
  readonly digest: string;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** What a component is that nobody could measure. */
const UNREADABLE = fingerprintDigest('policy', null, nodeHashing);

/**
 * The policy that files hold. A changed file is picked up and checked before it takes force; one that cannot be used leaves the last
 * good policy in force. Until there has been a good one there is none, and whoever decides denies everything.
 */
export class PolicyFiles {
  private inForce: PolicyInForce | undefined;
  private seen = '';
  private lookedAt = Number.NEGATIVE_INFINITY;
  /** Why what the files hold now is not in force. */
  problem: string | undefined;

  /**
   * @param options.now ms on a scale that never jumps
   * @param options.say told when a policy takes force, and when one cannot
   * @param options.read by default from the disk
   */
  constructor(
    private readonly paths: readonly string[],
    private readonly options: {
      readonly now: () => number;
      readonly say: (line: string) => void;
      readonly read?: ((path: string) => Uint8Array) | undefined;
    },
  ) {
    this.look();
  }

  get current(): PolicyInForce | undefined {
    return this.inForce;
  }

  get digest(): string {
    return this.inForce?.digest ?? UNREADABLE;
  }

  /** Looks whether the files changed, if it is time to. */
  look(): void {
    const now = this.options.now();
    if (now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    const marks = this.marks();
    if (marks === this.seen) return;
    this.seen = marks;
    this.load();
  }

  private marks(): string {
    return this.paths.map(markOf).join('\n');
  }

  private load(): void {
    const first = this.inForce === undefined;
    const { read = readFileSync } = this.options;
    try {
      const texts = this.paths.map((file) => ({ file, bytes: read(file) }));
      // What is still being written may be a policy as far as it goes, and a looser one: it is read when it rests.
      if (this.marks() !== this.seen) {
        this.seen = '';
        return;
      }
      const policies = texts.map(({ file, bytes }) => parsePolicy(textOf(bytes, file), { file }));
      const digest = fingerprintDigest('policy', policyValue(policies), nodeHashing);
      const compiled = compilePolicy(policies);
      this.problem = undefined;
      if (digest === this.inForce?.digest) return;
      this.inForce = { compiled, digest };
      if (!first) this.options.say(`the policy in ${this.paths.join(', ')} has changed and is in force (${digest.slice(0, 12)})`);
    } catch (error) {
      this.problem = error instanceof PolicyError ? error.message : `${this.paths.join(', ')}: ${codeOf(error)}`;
      const instead = first ? 'no policy is in force, and every tool call is denied' : 'the last good policy stays in force';
      this.options.say(`the policy cannot be used, ${instead}: ${this.problem}`);
    }
  }
}

/** A byte that is no text would become a letter that matches nothing, and a block list would let through what it names. */
function textOf(bytes: Uint8Array, file: string): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    throw new PolicyError('not_readable', `${file}: is not UTF-8`, { cause: error });
  }
}

/** What changes when a file does, or when another one takes its place. */
function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** Not the system's whole message: it is about a path that the line names already. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'cannot be read';
}
