const messages = require('@langchain/core/messages');
const models = require('@langchain/core/language_models/chat_models');
const outputs = require('@langchain/core/outputs');
const tools = require('@langchain/core/tools');
const calling = require('@langchain/core/utils/function_calling');
const { z } = require('zod');

import('../langchain/core-program.mjs').then(({ run }) => run({ tools, messages, models, outputs, calling, z }));
