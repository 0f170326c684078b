// Parts of the packages that no application imports, and a bench must.
export { nodeHashing } from '../../packages/collector/dist/hashing.js';
export { scanRequest } from '../../packages/collector/dist/scan/index.js';
