import * as models from '@langchain/core/language_models/chat_models';
import * as messages from '@langchain/core/messages';
import * as outputs from '@langchain/core/outputs';
import * as tools from '@langchain/core/tools';
import * as calling from '@langchain/core/utils/function_calling';
import * as langgraph from '@langchain/langgraph';
import * as prebuilt from '@langchain/langgraph/prebuilt';
import * as supervisor from '@langchain/langgraph-supervisor';
import * as langchain from 'langchain';
import { z } from 'zod';
import { run } from './approvals-program.mjs';

await run({ tools, messages, models, outputs, calling, langgraph, prebuilt, supervisor, langchain, z }, process.argv.slice(2));
