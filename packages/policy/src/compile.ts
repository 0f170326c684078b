import { pointersOf } from './conditions/compile.js';
import { PolicyError } from './errors.js';
import type { Policy } from './parse.js';
import { compilePatterns, type PatternList } from './pattern.js';
import { compileBreaker } from './restrictions/breaker.js';
import { compileBudget } from './restrictions/budget.js';
import { compileFlow } from './restrictions/flow.js';
import { compileHours } from './restrictions/hours.js';
import { compileLimit } from './restrictions/limit.js';
import { type Restriction, sentence } from './restrictions/restriction.js';
import { compileSeparation } from './restrictions/separation.js';
import { entryId, type Section } from './rule-ids.js';
import type { PolicyDocument, RuleSource } from './schema.js';
import { compileSelector, type Selector } from './selector.js';
import type { Verdict } from './types.js';
import { requirementOf, verdictOf } from './verdict.js';

/** One file of a policy, ready to decide. */
export interface CompiledFile {
  readonly observe: boolean;
  readonly blocked: (tool: string) => Verdict | undefined;
  readonly rules: readonly CompiledRule[];
  readonly allowed: (tool: string) => Verdict | undefined;
  readonly fallback: Verdict;
  readonly restrictions: readonly Restriction[];
}

export interface CompiledRule {
  readonly observe: boolean;
  readonly selector: Selector;
  readonly verdict: Verdict;
  /** When it is taken to apply because that cannot be told. */
  readonly untold: Verdict;
}

/** Policies compiled to decide quickly. Compile once, when they change. */
export interface CompiledPolicy {
  readonly files: readonly CompiledFile[];
  /** Whether anything in them only observes. */
  readonly observes: boolean;
  readonly restrictions: ReadonlyMap<string, Restriction>;
  /** Whether a tool may run only once the collector has durably taken its intent. */
  readonly acknowledged: (tool: string) => boolean;
  readonly lenient: boolean;
}

export interface CompileOptions {
  /** Reads what cannot be told of a call with withheld arguments in the agent's favour: a replay's lower bound. Never to enforce. */
  readonly lenient?: boolean | undefined;
}

/**
 * Compiles one policy, or several that are in force together: of what they say the strictest holds, so that each file can tighten
 * what the others allow, and none can loosen it.
 *
 * @throws PolicyError `invalid_argument` without any policy (nothing would be decided), `duplicate_id` when two files go by one name
 * @example const policy = compilePolicy([organisation, team]);
 */
export function compilePolicy(policies: Policy | readonly Policy[], { lenient = false }: CompileOptions = {}): CompiledPolicy {
  const list = Array.isArray(policies) ? (policies as readonly Policy[]) : [policies as Policy];
  if (list.length === 0) throw new PolicyError('invalid_argument', 'there is no policy to compile: name at least one');
  checkNames(list);
  const files = list.map(({ document }) => compileFile(document));
  const restrictions = new Map(files.flatMap((file) => file.restrictions.map((one) => [one.id, one] as const)));
  const acknowledged = files.map((file, at) => (file.observe ? () => false : durabilityOf(list[at]?.document.durability)));
  return {
    files,
    observes: files.some((file) => file.observe || [...file.rules, ...file.restrictions].some(({ observe }) => observe)),
    restrictions,
    acknowledged: (tool) => acknowledged.some((each) => each(tool)),
    lenient,
  };
}

/** A decision names its rule alone, so the names of several files keep their rules apart. */
function checkNames(policies: readonly Policy[]): void {
  const seen = new Map<string, Policy>();
  for (const policy of policies) {
    const name = policy.document.name ?? '';
    const other = seen.get(name);
    if (other !== undefined) {
      const what = name === '' ? 'neither has a name' : `both are named ${name}`;
      throw new PolicyError(
        'duplicate_id',
        `${other.file ?? 'a policy'} and ${policy.file ?? 'another one'}: ${what}: give each a name: of its own, since decisions say name:rule`,
      );
    }
    seen.set(name, policy);
  }
}

function compileFile(document: PolicyDocument): CompiledFile {
  const { name, mode, blocked_tools = [], allowed_tools = [], rules = [] } = document;
  const fullId = (id: string): string => (name === undefined ? id : `${name}:${id}`);
  const denies = document.default === 'deny';
  const observed = (entry: { readonly mode?: string | undefined }): boolean => mode === 'observe' || entry.mode === 'observe';
  return {
    observe: mode === 'observe',
    blocked: verdictsOf(compilePatterns(blocked_tools), (pattern) =>
      verdictOf('deny', fullId(`blocked_tools/${pattern}`), 'This tool is blocked.', undefined),
    ),
    allowed: verdictsOf(compilePatterns(allowed_tools), (pattern) =>
      verdictOf('allow', fullId(`allowed_tools/${pattern}`), 'This tool is allowed.', undefined),
    ),
    rules: rules.map((rule, place) => compileRule(rule, fullId(entryId('rules', place, rule.id)), observed(rule))),
    fallback: verdictOf(
      document.default,
      fullId('default'),
      denies ? 'No rule allows this call, and what is not allowed is denied.' : 'No rule speaks of this call, and the default is to allow.',
      undefined,
    ),
    restrictions: compileRestrictions(document, fullId, observed),
  };
}

/** Verdicts by pattern, made once. */
function verdictsOf(list: PatternList, make: (pattern: string) => Verdict): (tool: string) => Verdict | undefined {
  const made = new Map<string, Verdict>();
  return (tool) => {
    const pattern = list(tool);
    if (pattern === undefined) return undefined;
    let verdict = made.get(pattern);
    if (verdict === undefined) made.set(pattern, (verdict = make(pattern)));
    return verdict;
  };
}

const EXPLAINED = {
  allow: (id: string) => `Allowed by ${id}`,
  deny: (id: string) => `Denied by ${id}`,
  require_approval: (id: string) => `Approval is required by ${id}`,
} as const;

function compileRule(rule: RuleSource, id: string, observe: boolean): CompiledRule {
  const approval = rule.decision === 'require_approval' ? requirementOf(rule.approval) : undefined;
  const explained = EXPLAINED[rule.decision](id);
  const pointers = pointersOf(rule.when ?? []);
  const read =
    pointers.length === 0 ? 'what it asks for is not known of this call' : `it reads the arguments ${pointers.map(shown).join(', ')}`;
  return {
    observe,
    selector: compileSelector(rule),
    verdict: verdictOf(rule.decision, id, sentence(explained, rule.reason), approval),
    untold: verdictOf(
      rule.decision,
      id,
      sentence(`${explained}, which cannot tell whether this call is meant (${read})`, rule.reason),
      approval,
    ),
  };
}

function shown(pointer: string): string {
  return pointer === '' ? '(all of them)' : pointer;
}

type Compile<Source> = (source: Source, id: string, observe: boolean) => Restriction;

function compileRestrictions(
  document: PolicyDocument,
  fullId: (id: string) => string,
  observed: (entry: { readonly mode?: string | undefined }) => boolean,
): readonly Restriction[] {
  const section = <Source extends { readonly id?: string | undefined; readonly mode?: string | undefined }>(
    name: Section,
    sources: readonly Source[] = [],
    compile: Compile<Source>,
  ): readonly Restriction[] => sources.map((source, place) => compile(source, fullId(entryId(name, place, source.id)), observed(source)));
  return [
    ...section('hours', document.hours, compileHours),
    ...section('separation', document.separation, compileSeparation),
    ...section('flows', document.flows, compileFlow),
    ...section('limits', document.limits, compileLimit),
    ...section('budgets', document.budgets, compileBudget),
    ...section('breakers', document.breakers, compileBreaker),
  ];
}

function durabilityOf(durability: PolicyDocument['durability']): (tool: string) => boolean {
  if (durability === undefined) return () => false;
  if (durability === 'acknowledged') return () => true;
  const list = compilePatterns(durability.acknowledged);
  return (tool) => list(tool) !== undefined;
}
