import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import type { ToolDefinition } from '../../../src/types.js';
import { findings } from '../../support/recording.js';
import { digestOf, modelDigest, promptDigest, toolsDigest } from './fingerprints.js';
import { FIXTURES, type Launch, REGISTER, runToEnd } from './process.js';
import { type Fact, type Facts, observed } from './reach.js';
import { type Sink, spansTo, startSink } from './sink.js';

/** The line that a program prints at its end (test/fixtures/reach.mjs). */
export interface Printed {
  /** What its model was sent first. */
  readonly sent: {
    readonly systemPrompt: string | readonly string[];
    readonly tools: readonly ToolDefinition[];
    readonly model: { readonly provider: string; readonly name: string };
  };
  /** What it was sent then, with what became of its calls, as JSON. */
  readonly told: string;
  /** The tools that were entered. */
  readonly ran: readonly string[];
  /** The application's answers, of a run and of a streamed one. */
  readonly said: string;
  readonly streamed: string;
  /** The tools by name, where the framework tells the application no more of them. */
  readonly names?: readonly string[];
}

/** What a run left behind: what it printed, what it recorded, and the application's own spans. */
interface Run<T> {
  readonly printed: T;
  readonly links: readonly LinkCopy[];
  readonly spans: readonly Pick<ReturnType<Sink['spans']>[number], 'name' | 'spanId' | 'parentSpanId'>[];
}

/** One run of a program that shows what is reachable. */
export type Shown = Run<Printed>;

/** Runs a program that prints one line of JSON, with the instrumentation. */
export async function runOf<T = Printed>(file: string, options: Launch = {}): Promise<Run<T>> {
  const sink = await startSink();
  const { stdout } = await runToEnd(file, { ...options, endpoint: sink.url, env: { ...spansTo(sink), ...options.env } });
  await sink.close();
  return { printed: JSON.parse(stdout) as T, links: sink.links(), spans: sink.spans() };
}

/** What can be seen of one run; the rest takes several. */
type Seen = Omit<Facts, 'crossCheck' | 'esm' | 'cjs' | 'node'>;

/** What may be seen, and the fact that it is. */
type Meaning = Readonly<Record<string, Fact>>;
export type Meanings = Partial<Record<keyof Seen, Meaning>>;

/** A call by its id, or by its tool where calls have none. */
export function linkOf({ links }: Shown, kind: string, key: string): LinkCopy | undefined {
  return links.find(
    (link) => link.kind === kind && [link.attributes['gen_ai.tool.call.id'], link.attributes['gen_ai.tool.name']].includes(key),
  );
}

/** How the session of a call started. */
export function startOf(shown: Shown, key: string): LinkCopy['attributes'] | undefined {
  const session = linkOf(shown, 'action.intent', key)?.session;
  return shown.links.find((link) => link.kind === 'session.start' && link.session === session)?.attributes;
}

/**
 * The facts of one run: what each call left behind, held against what the model asked for, what it was sent, and what the application
 * saw. Whatever is neither what it should be nor known to be otherwise becomes a fact that no file has.
 *
 * @param more what else may be seen and what it means, by fact
 */
export function factsOf(shown: Shown, more: Meanings = {}): Seen {
  const of = (kind: string, key: string) => linkOf(shown, kind, key);
  const call = of('action.intent', 'call');
  const outcome = (key: string) => of('action.outcome', key)?.attributes;
  const status = (key: string) => outcome(key)?.['custody.action.status'];
  const start = startOf(shown, 'call');
  const inside = shown.spans.find(({ name }) => name === 'inside');
  const { sent, said, streamed, ran, told } = shown.printed;
  const refusal = 'was refused by policy (blocked): not here.';
  const meaning = (fact: keyof Seen, seen: unknown, known: Meaning): Fact => {
    const all: Meaning = { ...known, ...more[fact] };
    return all[String(seen)] ?? `no: ${String(seen)}`;
  };
  return {
    arguments: meaning('arguments', call?.content['gen_ai.tool.call.arguments'], { '{"a":1,"b":2}': 'yes' }),
    callId: meaning('callId', call?.attributes['gen_ai.tool.call.id'], { call: 'yes' }),
    toolType: meaning('toolType', call?.attributes['gen_ai.tool.type'], { function: 'yes' }),
    reason: meaning('reason', `${call?.attributes['custody.action.reason.source']} ${call?.content['custody.action.reason']}`, {
      'text Because.': 'yes',
    }),
    systemPrompt: meaning('systemPrompt', start?.['custody.fingerprint.system_prompt'], { [promptDigest(sent.systemPrompt)]: 'yes' }),
    tools: meaning('tools', start?.['custody.fingerprint.tools'], { [toolsDigest(sent.tools)]: 'yes' }),
    model: meaning('model', start?.['custody.fingerprint.model'], { [modelDigest(sent.model.provider, sent.model.name)]: 'yes' }),
    streaming: meaning('streaming', `${status('streamed')} ${streamed}`, { 'ok streamed': 'yes' }),
    parallel: meaning('parallel', `${status('first')} ${status('second')}`, { 'ok ok': 'yes', 'error ok': 'no: one after the other' }),
    errors: meaning('errors', `${status('broken')} ${outcome('broken')?.['error.type']}`, { 'error RangeError': 'yes' }),
    timeout: meaning('timeout', status('slow'), { timeout: 'yes', error: 'no: an error like any other' }),
    cancellation: meaning('cancellation', status('stopped'), {
      cancelled: 'yes',
      ok: 'no: the framework hands its tools no signal',
    }),
    veto: meaning(
      'veto',
      [
        status('blocked'),
        ran.includes('blocked') ? 'ran' : 'did not run',
        told.includes(refusal) ? 'told' : 'untold',
        said.slice(-4),
      ].join(),
      { 'denied,did not run,told,over': 'yes' },
    ),
    nesting: observed(
      inside !== undefined && inside.parentSpanId === of('action.outcome', 'nested')?.spanId,
      'spans of the tool are roots',
    ),
  };
}

/** Preloads that nobody hears of the request for `call`, nor of the execution of `first`. */
export const UNHEARD = ['--import', REGISTER, '--import', join(FIXTURES, 'unheard.mjs')];

/**
 * Whether the attestations of such a run name the call that a model asked for and nothing ran, and the one that ran and no model asked
 * for.
 *
 * @param whyNeither is named
 */
export function crossCheckOf({ links }: Shown, whyNeither: string): Fact {
  const named = (difference: string, key: string): boolean =>
    links.some(({ attributes }) => [attributes[`custody.attestation.${difference}`]].flat().includes(key));
  const [notRun, notAsked] = [named('unexecuted', 'first'), named('unrequested', 'call')];
  if (notRun && notAsked) return 'yes';
  if (notRun)
    return 'no: finds what was asked for and did not run; what ran and was not asked for, the application may have asked for itself';
  return notAsked ? 'no: finds what ran and was not asked for; what did not run, the framework may have held back' : `no: ${whyNeither}`;
}

/** Whether a run recorded the call, and nothing that a verifier would object to. */
export function recorded({ links }: Shown): boolean {
  return links.some(({ attributes }) => attributes['gen_ai.tool.call.id'] === 'call') && findings(links).length === 0;
}

/** What a fingerprint says of what nobody gave access to. */
export const UNKNOWN = {
  systemPrompt: digestOf('system_prompt', null),
  tools: digestOf('tools', null),
} as const;
