export { ReceiverError, type ReceiverErrorCode } from './error.js';
export { createReceiver } from './receiver.js';
export type { Caller, IngestAnswer, Receiver, ReceiverLimits, ReceiverOptions, RequestRecord } from './types.js';
