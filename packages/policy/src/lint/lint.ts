import { isUnattainable } from '../approvers.js';
import type { Condition } from '../conditions/schema.js';
import type { Policy } from '../parse.js';
import { compilePatterns, literalOf, patternSteps } from '../pattern.js';
import { SECTIONS } from '../rule-ids.js';
import type { ApprovalSource, PolicyDocument } from '../schema.js';
import { conditionNotes } from './conditions.js';
import { oddityOf, skeletonOf } from './confusable.js';
import { anyCovers, selectorCovers } from './covering.js';
import type { Note } from './note.js';

export interface LintOptions {
  /** Names of the tools that were used, from recorded sessions; without them patterns are not compared with anything. */
  readonly tools?: readonly string[] | undefined;
}

/**
 * What in a policy its author probably did not mean: rules that never decide, patterns that match nothing, names and tests that
 * are weaker than they look. None of it is an error.
 *
 * @example for (const { path, message } of lintPolicy(policy)) console.log(`${path}: ${message}`);
 */
export function lintPolicy({ document }: Policy, { tools }: LintOptions = {}): readonly Note[] {
  const patterns = toolPatterns(document);
  return [
    ...unreachable(document),
    ...entries(document).flatMap(({ when, approval, path }) => [
      ...conditionNotes(when ?? [], `${path}/when`),
      ...approvalNotes(approval, `${path}/approval`),
    ]),
    ...nameNotes(patterns, tools ?? []),
    ...(tools === undefined ? [] : usageNotes(document, patterns, tools)),
  ];
}

function unreachable(document: PolicyDocument): readonly Note[] {
  const { rules = [], allowed_tools = [], blocked_tools = [] } = document;
  const anyway: Note[] =
    allowed_tools.length > 0 && document.default === 'allow'
      ? [{ code: 'allows_anyway', path: '/allowed_tools', message: 'keeps nothing out: the default allows every other tool, too' }]
      : [];
  const shadowed = rules.flatMap((rule, at): Note[] => {
    const path = `/rules/${at}`;
    if (rule.tools?.every((pattern) => anyCovers(blocked_tools, pattern))) {
      return [{ code: 'shadowed_rule', path, message: 'never decides: blocked_tools denies all of its tools first' }];
    }
    const before = rules
      .slice(0, at)
      .findIndex((other) => (other.mode !== 'observe' || rule.mode === 'observe') && selectorCovers(other, rule));
    return before < 0
      ? []
      : [{ code: 'shadowed_rule', path, message: `never decides: rule /rules/${before} matches all that it matches, and comes first` }];
  });
  const allowed = allowed_tools.flatMap((pattern, at): Note[] => {
    const path = `/allowed_tools/${at}`;
    if (anyCovers(blocked_tools, pattern)) {
      return [{ code: 'unreachable_pattern', path, message: `${pattern} allows nothing: blocked_tools denies all of it` }];
    }
    const rule = rules.findIndex((other) => other.mode !== 'observe' && selectorCovers(other, { tools: [pattern] }));
    return rule < 0
      ? []
      : [
          {
            code: 'unreachable_pattern',
            path,
            message: `${pattern} never decides: rule /rules/${rule} matches all of it, and comes first`,
          },
        ];
  });
  return [...anyway, ...shadowed, ...allowed];
}

interface Entry {
  readonly path: string;
  readonly when?: readonly Condition[] | undefined;
  readonly approval?: ApprovalSource | undefined;
}

/** Conditions and approvals wherever they stand. */
function entries(document: PolicyDocument): readonly Entry[] {
  const plain = SECTIONS.filter((section) => section !== 'flows' && section !== 'separation').flatMap((section) =>
    (document[section] ?? []).map((entry, at): Entry => ({ path: `/${section}/${at}`, when: entry.when, approval: entry.approval })),
  );
  const separation = (document.separation ?? []).map(({ approval }, at): Entry => ({ path: `/separation/${at}`, approval }));
  const flows = (document.flows ?? []).flatMap(({ restricts, approval }, at): Entry[] => [
    { path: `/flows/${at}/restricts`, when: restricts.when },
    { path: `/flows/${at}`, approval },
  ]);
  return [...plain, ...separation, ...flows];
}

function approvalNotes(approval: ApprovalSource | undefined, path: string): Note[] {
  const { approvers, count = 1 } = approval ?? {};
  if (!isUnattainable(approvers ?? null, count)) return [];
  return [{ code: 'unattainable_approval', path, message: `asks for ${count} people and names fewer: nobody can give it` }];
}

interface PlacedPattern {
  readonly pattern: string;
  readonly path: string;
}

/** Every pattern for tools, with its place. */
function toolPatterns(document: PolicyDocument): readonly PlacedPattern[] {
  const placed = (patterns: readonly string[] | undefined, path: string): PlacedPattern[] =>
    (patterns ?? []).map((pattern, at) => ({ pattern, path: `${path}/${at}` }));
  const { durability } = document;
  return [
    ...placed(document.allowed_tools, '/allowed_tools'),
    ...placed(document.blocked_tools, '/blocked_tools'),
    ...SECTIONS.filter((section) => section !== 'flows').flatMap((section) =>
      (document[section] ?? []).flatMap(({ tools }, at) => placed(tools, `/${section}/${at}/tools`)),
    ),
    ...(document.separation ?? []).flatMap(({ never_both, in_order, after }, at) => [
      ...placed(after, `/separation/${at}/after`),
      ...[...(never_both ?? []).entries()].flatMap(([group, list]) => placed(list, `/separation/${at}/never_both/${group}`)),
      ...[...(in_order ?? []).entries()].flatMap(([group, list]) => placed(list, `/separation/${at}/in_order/${group}`)),
    ]),
    ...(document.flows ?? []).flatMap(({ from, restricts }, at) => [
      ...placed(from, `/flows/${at}/from`),
      ...placed(restricts.tools, `/flows/${at}/restricts/tools`),
    ]),
    ...placed(typeof durability === 'object' ? durability.acknowledged : undefined, '/durability/acknowledged'),
  ];
}

function nameNotes(patterns: readonly PlacedPattern[], tools: readonly string[]): readonly Note[] {
  const odd = patterns.flatMap(({ pattern, path }): Note[] => {
    const oddity = oddityOf(pattern);
    return oddity === undefined ? [] : [{ code: 'odd_name', path, message: `${pattern} ${oddity}` }];
  });
  const alike = new Map<string, Set<string>>();
  const see = (name: string): Set<string> => {
    const skeleton = skeletonOf(name);
    const names = alike.get(skeleton) ?? new Set();
    alike.set(skeleton, names.add(name));
    return names;
  };
  for (const tool of tools) see(tool);
  const literals = patterns.flatMap(({ pattern, path }) => {
    const name = literalOf(patternSteps(pattern) ?? []);
    return name === undefined ? [] : [{ name, path, names: see(name) }];
  });
  const told = new Set<string>();
  const confusable = literals.flatMap(({ name, path, names }): Note[] => {
    const others = [...names].filter((other) => other !== name);
    if (others.length === 0 || told.has(name)) return [];
    told.add(name);
    return [{ code: 'confusable_name', path, message: `${name} looks like ${others.map(spelled).join(', ')}, which is another tool` }];
  });
  return [...odd, ...confusable];
}

/** With what is not ASCII written out: else both names look the same in the note, too. */
function spelled(name: string): string {
  return name.replace(/[^\u0020-\u007e]/gu, (letter) => `\\u{${letter.codePointAt(0)?.toString(16)}}`);
}

function usageNotes(document: PolicyDocument, patterns: readonly PlacedPattern[], tools: readonly string[]): readonly Note[] {
  const idle = patterns
    .filter(({ pattern }) => !tools.some((tool) => compilePatterns([pattern])(tool) !== undefined))
    .map(({ pattern, path }): Note => ({ code: 'matches_nothing', path, message: `${pattern} matches no tool of the recorded sessions` }));
  const named = [
    ...(document.allowed_tools ?? []),
    ...(document.blocked_tools ?? []),
    ...(document.rules ?? []).flatMap(({ tools: listed }) => listed ?? ['*']),
  ];
  if (document.default === 'allow') return idle;
  const list = compilePatterns(named);
  const unnamed = [...new Set(tools)]
    .filter((tool) => list(tool) === undefined)
    .map(
      (tool): Note => ({
        code: 'only_default',
        path: '/default',
        message: `the recorded tool ${spelled(tool)} is named by no list and no rule, so the default denies it`,
      }),
    );
  return [...idle, ...unnamed];
}
