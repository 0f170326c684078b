import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const hooked = process.env.CUSTODY_TEST_BUILD === 'hooked';

// One application built in two ways: with the framework left out of the bundle, where hooks reach it, and with it inside.
export default {
  distDir: hooked ? 'dist/hooked' : 'dist/bundled',
  serverExternalPackages: ['@agent-custody/instrumentation', ...(hooked ? ['ai'] : [])],
  output: hooked ? 'standalone' : undefined,
  outputFileTracingRoot: root,
  turbopack: { root },
};
