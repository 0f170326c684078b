const models = require('@langchain/core/language_models/chat_models');
const messages = require('@langchain/core/messages');
const outputs = require('@langchain/core/outputs');
const tools = require('@langchain/core/tools');
const calling = require('@langchain/core/utils/function_calling');
const langchain = require('langchain');
const { z } = require('zod');

Promise.all([import('./core-program.mjs'), import('./reach-program.mjs')]).then(([{ kit }, { byAgent, reach }]) => {
  const own = { ...kit({ tools, messages, models, outputs, calling, z }), langchain };
  return reach(own, byAgent(own));
});
