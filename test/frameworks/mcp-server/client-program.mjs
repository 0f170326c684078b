import { session } from '@agent-custody/instrumentation';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [, , server, wish = 'all'] = process.argv;
const print = (line) => console.log(JSON.stringify(line));

/** An agent whose tools are on a server in a process of its own, instrumented as this one is. */
async function main() {
  const client = new Client({ name: 'fixture', version: '1.0.0' });
  const { SERVER_NODE, ...env } = process.env;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...(SERVER_NODE ? JSON.parse(SERVER_NODE) : process.execArgv), server],
    env: { ...env, CUSTODY_AGENT_ID: 'server' },
    stderr: 'pipe',
  });
  const waiting = new Promise((resolve) => transport.stderr.on('data', (chunk) => String(chunk).includes('waiting') && resolve()));
  await client.connect(transport);
  const call = (name, input, options) =>
    client.callTool({ name, arguments: input }, options).catch((error) => ({ error: error.constructor.name, message: error.message }));
  const results = async () => {
    print(await call('echo', { message: 'hello' }));
    if (wish === 'one') return;
    print(await Promise.all([1, 2, 3].map((times) => call('echo', { message: 'x', times }))));
    print(await call('nothing'));
    print(await call('echo', { message: 7 }));
    print(await call('fail', {}));
    print(await call('wrong', {}));
    print((await call('unknown', {})).isError ?? 'an error');
    print(await call('research', { id: 1 }));
    const abort = new AbortController();
    const slow = call('wait', {}, { signal: abort.signal });
    await waiting;
    abort.abort('enough');
    print(await slow);
  };
  await session({ agent: { id: 'caller' } }, results);
  print(await call('echo', { message: 'outside' }));
  await client.close();
}

await main();
