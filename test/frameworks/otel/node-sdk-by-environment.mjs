import { NodeSDK } from '@opentelemetry/sdk-node';

// All that it does is said by OTEL_*: what is measured goes out when it is shut down.
const sdk = new NodeSDK();
sdk.start();
await import('../../../packages/instrumentation/test/fixtures/quick.mjs').then(({ main }) => main());
await sdk.shutdown();
