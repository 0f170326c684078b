const adk = require('@google/adk');
const { z } = require('zod');

import('./reach-program.mjs').then(({ reach }) => reach(adk, z));
