const models = require('@langchain/core/language_models/chat_models');
const messages = require('@langchain/core/messages');
const outputs = require('@langchain/core/outputs');
const tools = require('@langchain/core/tools');
const calling = require('@langchain/core/utils/function_calling');
const langgraph = require('@langchain/langgraph');
const prebuilt = require('@langchain/langgraph/prebuilt');
const supervisor = require('@langchain/langgraph-supervisor');
const langchain = require('langchain');
const { z } = require('zod');

import('./approvals-program.mjs').then(({ run }) =>
  run({ tools, messages, models, outputs, calling, langgraph, prebuilt, supervisor, langchain, z }, process.argv.slice(2)),
);
