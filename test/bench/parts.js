// Parts of the packages that no application imports, and a bench must.

export { flush, session } from '@agent-custody/instrumentation';
export { nodeHashing } from '../../packages/collector/dist/hashing.js';
export { scanRequest } from '../../packages/collector/dist/scan/index.js';
export { nodeHashing as agentHashing } from '../../packages/instrumentation/dist/hashing.js';
export { CustodyInstrumentation } from '../../packages/instrumentation/dist/instrumentation.js';
