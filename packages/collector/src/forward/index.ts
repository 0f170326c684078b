export { createForwarder } from './forwarder.js';
export type { TlsTrust } from './post.js';
export type { Compression, Forwarder, ForwarderOptions, ForwardMetrics } from './types.js';
