import * as sdk from '@anthropic-ai/claude-agent-sdk';
import Anthropic from '@anthropic-ai/sdk';
import { z } from 'zod';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';
import { run } from '../claude-agent-sdk/program.mjs';

/** An application on the Claude Agent SDK that also asks a model itself, and has a tool runner: with the package that the SDK brings. */
const api = await fakeAnthropic([[text('Hello.')], [call('b1', 'add', { a: 1 })], [text('Done.')]]);
const client = new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 });
const tool = { name: 'add', description: 'Adds', input_schema: { type: 'object' }, run: ({ a }) => String(a + 1) };
const base = { model: 'claude-x', max_tokens: 10, messages: [{ role: 'user', content: 'Hello.' }] };
const { run: _, ...declared } = tool;
console.log(JSON.stringify((await client.messages.create({ ...base, tools: [declared] })).content));
console.log(JSON.stringify((await client.beta.messages.toolRunner({ ...base, tools: [tool] })).content));
api.close();
await run(sdk, z, 'working');
