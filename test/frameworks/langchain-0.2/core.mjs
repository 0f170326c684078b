import * as models from '@langchain/core/language_models/chat_models';
import * as messages from '@langchain/core/messages';
import * as outputs from '@langchain/core/outputs';
import * as tools from '@langchain/core/tools';
import * as calling from '@langchain/core/utils/function_calling';
import { z } from 'zod';
import { run } from '../langchain/core-program.mjs';

await run({ tools, messages, models, outputs, calling, z });
