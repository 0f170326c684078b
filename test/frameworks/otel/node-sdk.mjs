import { CustodyInstrumentation } from '@agent-custody/instrumentation';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { reader } from './metrics.mjs';

// An application's own set-up, preloaded: the README's way for who has an SDK.
new NodeSDK({
  metricReaders: [reader],
  instrumentations: [new CustodyInstrumentation({ evidence: { url: process.env.CUSTODY_ENDPOINT } })],
}).start();
