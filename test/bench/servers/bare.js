import { relay } from './relay.js';

// The least that any collector does: inflate and forward.
relay(async (body) => ({ body }), process.argv[2] ?? '');
