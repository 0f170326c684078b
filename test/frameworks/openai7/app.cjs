const OpenAI = require('openai');
const { zodFunction } = require('openai/helpers/zod');
const { z } = require('zod');

import('../openai/program.mjs').then(({ run }) => run({ OpenAI, zodFunction, z }));
