export { createForwarder } from './forwarder.js';
export type { Forwarder, ForwarderOptions, ForwardMetrics } from './types.js';
