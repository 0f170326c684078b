const adk = require('@google/adk');
const { z } = require('zod');

import('./program.mjs').then(({ run }) => run(adk, z));
