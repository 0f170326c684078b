import { canonicalize } from './canonical.js';
import { ChainError } from './errors.js';

/** What stands in the measured text for each match of a mask. */
export const MASKED = '‹masked›';

/** A tool as it was offered to the model. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the parameters; absent: `{}`. */
  readonly parameters?: unknown;
}

/**
 * The JSON value of the `system_prompt` component: the text as sent, an array of texts when there were several parts, `null` when
 * the framework gives no access, or with masks `{text, masks}` (SPEC.md, "Fingerprint").
 *
 * @param masks regular expressions for what changes honestly from run to run; applied in order with the flags `gu`
 * @throws ChainError `invalid_argument` for a mask that is no ECMAScript regular expression under the flag `u`
 * @example systemPromptValue('Today is 2026-11-22.', ['\\d{4}-\\d{2}-\\d{2}'])
 */
export function systemPromptValue(text: string | readonly string[] | null, masks: readonly string[] = []): unknown {
  if (text === null) return null;
  const whole =
    typeof text === 'string'
      ? text.toWellFormed()
      : text.length === 1
        ? (text[0] as string).toWellFormed()
        : text.map((part) => part.toWellFormed());
  if (masks.length === 0) return whole;
  const expressions = masks.map(compile);
  const mask = (part: string): string => expressions.reduce((rest, expression) => rest.replace(expression, MASKED), part);
  return { text: typeof whole === 'string' ? mask(whole) : whole.map(mask), masks };
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source, 'gu');
  } catch (error) {
    throw new ChainError('invalid_argument', `mask /${source}/ is no regular expression (flags gu): ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * The JSON value of the `tools` component: `{name, description, parameters}` each, sorted by name in code-unit order, equal names
 * by the canonical JSON of the entry. `parameters` must be JSON (see {@link toCanonical} for what is not).
 *
 * @example toolsValue([{ name: 'send_email', description: 'Sends an e-mail', parameters: { type: 'object' } }])
 */
export function toolsValue(tools: readonly ToolDefinition[] | null): unknown {
  if (tools === null) return null;
  const entries = tools.map((tool) => {
    const value = {
      name: tool.name.toWellFormed(),
      description: (tool.description ?? '').toWellFormed(),
      parameters: tool.parameters ?? {},
    };
    return { value, text: canonicalize(value) };
  });
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return entries.sort((a, b) => order(a.value.name, b.value.name) || order(a.text, b.text)).map((entry) => entry.value);
}
