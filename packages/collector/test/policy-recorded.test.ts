import { ATTR, ChainWriter, type LinkCopy, MemoryRecords, readSpan, type WrittenLink } from '@agent-custody/chain';
import { parsePolicy } from '@agent-custody/policy';
import { expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { processesOf } from '../src/policy/order.js';
import { headOf, recordedSession } from '../src/policy/recorded.js';
import { Replay } from '../src/policy/replay.js';
import { COMPONENTS } from './recorded-session.js';

// What is read of a session of which not all is as it should be.

const session = 'ab'.repeat(16);

/** The same session, told with another tool. */
function told(tool: string): readonly LinkCopy[] {
  const writer = new ChainWriter({ session, agent: { id: 'clerk', name: 'clerk' }, hashing: nodeHashing });
  const place = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), now: 1_790_000_000_000_000_000n };
  const digests = {
    argumentsDigest: 'a'.repeat(64),
    argumentsEncoding: 'json',
    reasonDigest: 'b'.repeat(64),
    reasonSource: 'none',
  } as const;
  const start = writer.start({ components: COMPONENTS, processId: 'one', familyId: 'f' }, place);
  return [start, writer.intent({ actionId: 'a', tool: { name: tool }, ...digests, decision: 'allow' }, place)].map(copy);
}

function copy({ traceId, spanId, attributes }: WrittenLink): LinkCopy {
  const reading = readSpan({ traceId, spanId, attributes: Object.entries(attributes) }, nodeHashing);
  if (reading.type !== 'link') throw new Error('no link');
  return reading.link;
}

function replayed(links: readonly LinkCopy[]) {
  const records = new MemoryRecords();
  for (const link of links) records.keep(link);
  const heads = [headOf(records, session, nodeHashing) ?? []].flat();
  const replay = new Replay([parsePolicy({ allowed_tools: ['read'] })], nodeHashing);
  const read = (id: string) => recordedSession(records, id, nodeHashing);
  return processesOf(heads).flatMap((process) => [...replay.process(process, read)]);
}

it('says so where two histories were told, and replays the one that came last', () => {
  const [one] = replayed([...told('read'), ...told('send')]);
  expect(one?.doubts).toEqual(['links_disputed']);
  expect(one?.actions.map(({ recorded }) => recorded.tool)).toEqual(['send']);
});

it('takes no offence at a link that came twice', () => {
  expect(replayed([...told('read'), ...told('read')]).map(({ doubts }) => doubts)).toEqual([[]]);
});

it('knows nothing of a session of which no link recomputes', () => {
  const edited = told('read').map((link) =>
    copy({ ...link, kind: 'heartbeat', attributes: { ...link.attributes, [ATTR.agentName]: 'x', [ATTR.hash]: link.hash } }),
  );
  expect(replayed(edited)).toEqual([]);
});
