const adk = require('@google/adk');
const { z } = require('zod');

const steps = process.argv.slice(2);
import('./approvals-program.mjs').then(({ elsewhere, run }) => (steps.length > 0 ? elsewhere(adk, z, steps) : run(adk, z)));
