import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS, packageIn } from './support/process.js';
import { type Fact, nodeFor, observed, reach } from './support/reach.js';
import { factsOf, linkOf, type Meanings, type Printed, runOf, type Shown, startOf, UNKNOWN } from './support/reach-run.js';

const FOLDER = 'mcp-server';

interface PrintedByBoth {
  readonly client: Printed;
  readonly server: Printed;
  /** Of the request for `call`, as it was on the wire. */
  readonly callId: number;
  /** What the server got of the caller's trace with `nested`. */
  readonly traceparent: string;
}

/** One run: the client, and the server that it starts, each in a process of its own. */
async function show(version: number, extension: string, program: string) {
  const file = (side: string) => join(FRAMEWORKS, FOLDER, `reach-${side}${version}.${extension}`);
  const { printed, links, spans } = await runOf<PrintedByBoth>(file('client'), { program, args: [file('server')] });
  expect(findings(links)).toEqual([]);
  const of = (agent: string) => links.filter(({ attributes }) => attributes['gen_ai.agent.id'] === agent);
  const [, , caller = ''] = printed.traceparent.split('-');
  // What the server begins in a call of the client's is begun in the span that it was told of.
  const client: Shown = { printed: printed.client, links: of('bot'), spans: [{ name: 'inside', spanId: '', parentSpanId: caller }] };
  const server: Shown = { printed: printed.server, links: of('server'), spans };
  return { client, server, callId: printed.callId };
}

const AGENT = 'no: the session of the agent that calls says it';

/**
 * What it means that a call by hand, or the session of a server, knows neither reason nor fingerprint: that the agent which makes such
 * a call knows them, if so it is.
 */
function unknown(client: Shown, server: Shown): Meanings {
  const agent = linkOf(client, 'action.intent', 'delegate');
  const agents = startOf(client, 'delegate');
  const { systemPrompt, tools, model } = client.printed.sent;
  const within = linkOf(client, 'action.intent', 'delegated')?.session === agent?.session;
  const child = startOf(server, 'delegated')?.['custody.parent.session.id'] === agent?.session;
  const known = (holds: boolean): Fact => (within && child && holds ? AGENT : 'no: nobody says it');
  return {
    reason: { 'none undefined': known(agent?.content['custody.action.reason'] === 'Because.') },
    systemPrompt: { [UNKNOWN.systemPrompt]: known(agents?.['custody.fingerprint.system_prompt'] === promptDigest(systemPrompt)) },
    tools: { [UNKNOWN.tools]: known(agents?.['custody.fingerprint.tools'] === toolsDigest(tools)) },
    model: { undefined: known(agents?.['custody.fingerprint.model'] === modelDigest(model.provider, model.name)) },
  };
}

const ONCE = { 'ok at once: streamed': 'no: a call has one result', 'ok ': 'no: a call has one result' } as const;
const RESULT = { 'error tool_error': 'yes' } as const;

/** No attestation counts a call of a client, or of a server: only the agent's one call is asked for by a model. */
function crossCheck({ links }: Shown, agents: number): Fact {
  const counted = links.reduce((sum, { attributes }) => sum + Number(attributes['custody.attestation.executed'] ?? 0), 0);
  return observed(counted > agents, 'no model asks here');
}

function clientFacts({ client, server }: Awaited<ReturnType<typeof show>>) {
  return factsOf(client, {
    ...unknown(client, server),
    callId: { undefined: 'no: a client gives its calls none' },
    toolType: { extension: 'yes' },
    streaming: ONCE,
    errors: RESULT,
  });
}

function serverFacts({ client, server, callId }: Awaited<ReturnType<typeof show>>) {
  return factsOf(server, {
    ...unknown(client, server),
    callId: { [callId]: 'yes' },
    streaming: ONCE,
    errors: RESULT,
    timeout: { cancelled: 'no: it is the client that waits; here it is cancelled' },
  });
}

describe.each([
  { version: 1, ofClient: '@modelcontextprotocol/sdk', ofServer: '@modelcontextprotocol/sdk', names: ['sdk 1 client', 'sdk 1 server'] },
  { version: 2, ofClient: '@modelcontextprotocol/client', ofServer: '@modelcontextprotocol/server', names: ['client 2', 'server 2'] },
])('what is reachable of MCP, version $version', ({ version, ofClient, ofServer, names }) => {
  it('is what the README says, however it is loaded', async () => {
    const [forClient, forServer] = [nodeFor(FOLDER, ofClient), nodeFor(FOLDER, ofServer)];
    const [esm, cjs] = await Promise.all([show(version, 'mjs', forServer.program), show(version, 'cjs', forServer.program)]);
    const loaded = (side: 'client' | 'server') => ({
      esm: observed(
        esm[side].links.some(({ kind }) => kind === 'action.outcome'),
        'not recorded',
      ),
      cjs: observed(
        cjs[side].links.some(({ kind }) => kind === 'action.outcome'),
        'not recorded',
      ),
    });
    expect(clientFacts(cjs)).toEqual(clientFacts(esm));
    expect(serverFacts(cjs)).toEqual(serverFacts(esm));
    const [client, server] = names.map((name) => `@modelcontextprotocol/${name}`) as [string, string];
    const rows = [
      reach(client, packageIn(FOLDER, ofClient).version, {
        ...clientFacts(esm),
        ...loaded('client'),
        crossCheck: crossCheck(esm.client, 1),
        node: forClient.fact,
      }),
      reach(server, packageIn(FOLDER, ofServer).version, {
        ...serverFacts(esm),
        ...loaded('server'),
        crossCheck: crossCheck(esm.server, 0),
        node: forServer.fact,
      }),
    ];
    await Promise.all(rows);
  });
});
