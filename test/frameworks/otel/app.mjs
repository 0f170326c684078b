import { flush } from '@agent-custody/instrumentation';
import { adapters } from './metrics.mjs';

const print = async () => console.log(JSON.stringify(await adapters()));

// An agent on the AI SDK, which is loaded after a first export.
await print();
const { main } = await import('../../../packages/instrumentation/test/fixtures/quick.mjs');
await main();
await print();
await flush();
