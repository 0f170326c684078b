import { type Components, fingerprintDigest, systemPromptValue, toCanonical, toolsValue } from '@agent-custody/chain';
import { CustodyError, report } from './errors.js';
import { type HashedFile, hashFiles, sha256 } from './files.js';
import { nodeHashing } from './hashing.js';
import type { MemoryContent, MemorySource, ModelRequest, SessionOptions, ToolDefinition } from './types.js';

const digest = (component: string, value: unknown): string => fingerprintDigest(component, value, nodeHashing);

/** The digests of parts that nobody gave access to. */
const UNKNOWN = {
  system_prompt: digest('system_prompt', null),
  tools: digest('tools', null),
  memory: digest('memory', null),
} as const;

const NO_MEMORY = digest('memory', []);

/** Digests of what many sessions of one agent send alike, by all of its content; so many of each at the most. */
const KEPT = 32;
const modelDigests = new Map<string, string>();
const toolsDigests = new Map<string, string>();

function once(digests: Map<string, string>, of: string, make: () => string): string {
  const known = digests.get(of);
  if (known !== undefined) return known;
  const made = make();
  digests.set(of, made);
  if (digests.size > KEPT) digests.delete(digests.keys().next().value as string);
  return made;
}

/** A digest with what it was taken of, so that what has not changed since is not hashed again. */
interface Measured {
  readonly of: string;
  readonly digest: string;
}

/**
 * Measures the static fingerprint of one agent (SPEC.md, "Fingerprint"). Whatever cannot be measured is the digest of `null`: it
 * never breaks a call.
 */
export class FingerprintMeter {
  private readonly masks: readonly string[];
  private readonly root: string;
  private readonly source: MemorySource | undefined;
  private readonly files: Components;
  private readonly inherited: Components;
  private prompt: Measured | undefined;
  private offered: Measured | undefined;
  /** The last answer of a memory that is only known asynchronously. */
  private remembered: string | undefined;

  /**
   * @param inherited what an earlier session of the same run was told
   * @throws CustodyError `invalid_argument` for a mask that is no regular expression under the flags `gu`
   */
  constructor(options: SessionOptions, inherited: Components = {}) {
    this.masks = (options.mask ?? []).map(maskSource);
    this.root = options.root ?? process.cwd();
    this.source = options.memory;
    this.inherited = inherited;
    this.files = {
      ...(options.dependencies && { dependencies: this.hashed('dependencies', options.dependencies) }),
      ...(options.code && { code: this.hashed('code', options.code) }),
    };
  }

  /** The components of session.start: those of the model call that it comes with, or, before any, what can be told without one. */
  initial(asked: Components | undefined): Components {
    const { system_prompt, tools } = UNKNOWN;
    return { ...this.files, system_prompt, tools, ...this.inherited, ...(asked ?? { memory: this.memoryNow() }) };
  }

  /** The components of one model call, from what it really sends. */
  asked(sent: ModelRequest): Components {
    return {
      system_prompt: this.systemPrompt(sent.systemPrompt),
      tools: this.tools(sent.tools),
      memory: this.memoryNow(),
      ...(sent.model && { model: modelDigest(sent.model) }),
    };
  }

  /** Memory as far as it can be told at once: anew for files and synchronous functions, else as last measured. */
  memoryNow(): string {
    if (this.remembered !== undefined) return this.remembered;
    const memory = this.measureMemory();
    return typeof memory === 'string' ? memory : (this.inherited.memory ?? UNKNOWN.memory);
  }

  /** Memory as it is; a promise only when it is a function that answers with one. */
  measureMemory(): string | Promise<string> {
    try {
      const { source } = this;
      if (source === undefined) return NO_MEMORY;
      if (typeof source !== 'function') return digest('memory', hashFiles(source, this.root));
      const content = source();
      return isPromise(content)
        ? content.then(
            (late) => this.remember(late),
            (error) => this.unread(error),
          )
        : digest('memory', entries(content));
    } catch (error) {
      return this.unread(error);
    }
  }

  private remember(content: MemoryContent): string {
    try {
      this.remembered = digest('memory', entries(content));
    } catch (error) {
      return this.unread(error);
    }
    return this.remembered;
  }

  private unread(error: unknown): string {
    report('measuring memory', error);
    return this.remembered ?? UNKNOWN.memory;
  }

  private hashed(component: string, paths: readonly string[]): string {
    try {
      return digest(component, hashFiles(paths, this.root));
    } catch (error) {
      report(`hashing ${component}`, error);
      return digest(component, null);
    }
  }

  private systemPrompt(text: string | readonly string[] | null): string {
    if (text === null) return UNKNOWN.system_prompt;
    const of = typeof text === 'string' ? text : JSON.stringify(text);
    if (this.prompt?.of !== of) this.prompt = { of, digest: digest('system_prompt', systemPromptValue(text, this.masks)) };
    return this.prompt.digest;
  }

  /** By content, not by identity: a list changed in place is the attack that this component is there to find. */
  private tools(tools: readonly ToolDefinition[] | null): string {
    if (tools === null) return UNKNOWN.tools;
    const of = textOf(tools);
    if (this.offered?.of !== of) this.offered = { of, digest: toolsDigest(tools) };
    return this.offered.digest;
  }
}

/** JSON.stringify is the fastest way to see a change; what it refuses (a cycle, a BigInt) is made JSON first. */
function textOf(tools: readonly ToolDefinition[]): string {
  try {
    return JSON.stringify(tools);
  } catch {
    return toCanonical(tools).text;
  }
}

/** Only what is JSON through and through is told by its text alone. */
function toolsDigest(tools: readonly ToolDefinition[]): string {
  const { text, encoding } = toCanonical(tools);
  const make = (): string => digest('tools', toolsValue(tools.map(jsonTool)));
  return encoding === 'json' ? once(toolsDigests, text, make) : make();
}

function modelDigest(model: NonNullable<ModelRequest['model']>): string {
  const of = JSON.stringify([model.provider, model.name]);
  return once(modelDigests, of, () => digest('model', { provider: model.provider.toWellFormed(), name: model.name.toWellFormed() }));
}

function jsonTool(tool: ToolDefinition): ToolDefinition {
  if (tool.parameters === undefined || tool.parameters === null) return { name: tool.name, description: tool.description };
  return { name: tool.name, description: tool.description, parameters: JSON.parse(toCanonical(tool.parameters).text) };
}

function entries(content: MemoryContent): HashedFile[] {
  if (typeof content === 'string' || content instanceof Uint8Array) return [{ path: 'memory', sha256: sha256(content) }];
  return content
    .map((entry) => ({ path: entry.path.toWellFormed(), sha256: 'content' in entry ? sha256(entry.content) : entry.sha256 }))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** The rule's flags are always `gu`; a mask that asks for others would mean something else to whoever verifies it. */
function maskSource(mask: RegExp | string): string {
  const source = typeof mask === 'string' ? mask : mask.source;
  const flags = typeof mask === 'string' ? '' : mask.flags.replace(/[gu]/g, '');
  if (flags !== '') {
    throw new CustodyError(
      'invalid_argument',
      `session: mask /${source}/${flags}: masks run with the flags gu; write the rest into the expression`,
    );
  }
  try {
    new RegExp(source, 'gu');
  } catch (error) {
    throw new CustodyError('invalid_argument', `session: mask /${source}/ is no regular expression under the flags gu`, { cause: error });
  }
  return source;
}

function isPromise(content: MemoryContent | Promise<MemoryContent>): content is Promise<MemoryContent> {
  return typeof (content as { then?: unknown }).then === 'function';
}
