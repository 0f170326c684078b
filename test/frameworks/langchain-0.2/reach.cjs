const models = require('@langchain/core/language_models/chat_models');
const messages = require('@langchain/core/messages');
const outputs = require('@langchain/core/outputs');
const tools = require('@langchain/core/tools');
const calling = require('@langchain/core/utils/function_calling');
const { z } = require('zod');

Promise.all([import('../langchain/core-program.mjs'), import('../langchain/reach-program.mjs')]).then(([{ kit }, { byHand, reach }]) => {
  const own = kit({ tools, messages, models, outputs, calling, z });
  return reach(own, byHand(own));
});
