import * as models from '@langchain/core/language_models/chat_models';
import * as messages from '@langchain/core/messages';
import * as outputs from '@langchain/core/outputs';
import * as tools from '@langchain/core/tools';
import * as calling from '@langchain/core/utils/function_calling';
import * as langchain from 'langchain';
import { z } from 'zod';
import { kit } from './core-program.mjs';
import { byAgent, reach } from './reach-program.mjs';

const own = { ...kit({ tools, messages, models, outputs, calling, z }), langchain };
await reach(own, byAgent(own));
