import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { promptDigest, toolsDigest } from './support/fingerprints.js';
import { FIXTURES, FRAMEWORKS, packageIn } from './support/process.js';
import { nodeFor, observed, reach } from './support/reach.js';
import { crossCheckOf, factsOf, type Meanings, recorded, runOf, type Shown, startOf, UNHEARD, UNKNOWN } from './support/reach-run.js';

interface Row {
  readonly framework: string;
  /** Of test/frameworks. */
  readonly folder: string;
  readonly packageName: string;
  /** The program, without its extension. */
  readonly file?: string;
  /** What else may be seen of this one. */
  readonly more?: (shown: Shown) => Meanings;
}

/** An error is a result there: its class is gone. */
const RESULT = { errors: { 'error tool_error': 'yes' } } as const;

const ROWS: readonly Row[] = [
  { framework: 'ai 5', folder: 'ai5', packageName: 'ai' },
  { framework: 'ai 6', folder: 'ai6', packageName: 'ai', file: join(FIXTURES, 'ai-reach-6') },
  { framework: 'ai 7', folder: 'ai7', packageName: 'ai' },
  { framework: 'langchain 1', folder: 'langchain', packageName: 'langchain' },
  { framework: '@langchain/core 0.3', folder: 'langchain-0.3', packageName: '@langchain/core' },
  { framework: '@langchain/core 0.2', folder: 'langchain-0.2', packageName: '@langchain/core' },
  { framework: '@openai/agents', folder: 'openai-agents', packageName: '@openai/agents', more: () => RESULT },
  { framework: '@openai/agents 0.8', folder: 'openai-agents-0.8', packageName: '@openai/agents', more: () => RESULT },
  { framework: '@anthropic-ai/sdk tool runner', folder: 'anthropic', packageName: '@anthropic-ai/sdk' },
  { framework: '@anthropic-ai/sdk 0 tool runner', folder: 'anthropic-0', packageName: '@anthropic-ai/sdk' },
  { framework: '@anthropic-ai/sdk 0.82 tool runner', folder: 'anthropic-0.82', packageName: '@anthropic-ai/sdk' },
  { framework: 'openai 6', folder: 'openai', packageName: 'openai' },
  { framework: 'openai 7', folder: 'openai7', packageName: 'openai' },
  { framework: '@mastra/core', folder: 'mastra', packageName: '@mastra/core' },
  { framework: '@google/adk', folder: 'adk', packageName: '@google/adk' },
  ...['0.3', '0.2'].map((version) => ({
    framework: `@anthropic-ai/claude-agent-sdk ${version}`,
    folder: version === '0.3' ? 'claude-agent-sdk' : 'claude-agent-sdk-0.2',
    packageName: '@anthropic-ai/claude-agent-sdk',
    more: ofNativeProgram,
  })),
];

/** A native program sends more than the application gives it, and more than it tells. */
function ofNativeProgram(shown: Shown): Meanings {
  const { names = [] } = shown.printed;
  const given = startOf(shown, 'call')?.['custody.fingerprint.system_prompt'] === promptDigest('You add.');
  const notGiven = startOf(shown, 'streamed')?.['custody.fingerprint.system_prompt'] === UNKNOWN.systemPrompt;
  return {
    ...RESULT,
    arguments: { '{"command":"echo 3","description":"Runs it"}': 'yes' },
    systemPrompt: {
      ...(given &&
        notGiven && {
          [promptDigest('You add.')]: 'no: as the application gave it; the native program adds to it, and where it gave none it is unknown',
        }),
    },
    tools: { [toolsDigest(names.map((name) => ({ name })))]: 'no: their names alone' },
  };
}

describe.each(ROWS)('what is reachable of $framework', ({ framework, folder, packageName, file, more }) => {
  it('is what the README says, however it is loaded', async () => {
    const { program, fact: node } = nodeFor(folder, packageName);
    const path = file ?? join(FRAMEWORKS, folder, 'reach');
    const [esm, cjs] = await Promise.all([runOf(`${path}.mjs`, { program }), runOf(`${path}.cjs`, { program })]);
    const unheard = await runOf(`${path}.mjs`, { program, node: UNHEARD });
    const facts = factsOf(esm, more?.(esm));
    expect(factsOf(cjs, more?.(cjs))).toEqual(facts);
    await reach(framework, packageIn(folder, packageName).version, {
      ...facts,
      crossCheck: crossCheckOf(unheard, 'the application itself runs what its model asked for, or does not'),
      esm: observed(recorded(esm), 'not recorded'),
      cjs: observed(recorded(cjs), 'not recorded'),
      node,
    });
  }, 180_000);
});
