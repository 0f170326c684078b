import type { LinkCopy } from '@agent-custody/chain';
import { kinds } from '../../support/recording.js';
import type { Sink } from './sink.js';

/** What the tests of adapters ask of links. */
export type Links = ReturnType<typeof linksIn>;

/** What the tests of adapters ask of the links that a sink received. */
export function linksIn(sink: Pick<Sink, 'links'>) {
  const kind = (name: string): readonly LinkCopy[] => sink.links().filter((link) => link.kind === name);
  const allOf = (name: string, callId: string): readonly LinkCopy[] =>
    kind(name).filter(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId);
  const ofCall = (name: string, callId: string): LinkCopy | undefined => allOf(name, callId)[0];
  /** How a session ended. */
  const endOf = (session: unknown): unknown =>
    kind('session.end').find((link) => link.session === session)?.attributes['custody.session.outcome'];
  /** The links of the action that a link is of. */
  const ofAction = ({ session, attributes }: LinkCopy): readonly LinkCopy[] =>
    sink.links().filter((link) => link.session === session && link.attributes['custody.action.id'] === attributes['custody.action.id']);
  const sessionOf = (callId: string): readonly LinkCopy[] => {
    const session = ofCall('action.intent', callId)?.session;
    return sink.links().filter((link) => link.session === session);
  };
  return {
    kind,
    endOf,
    ofAction,
    intent: (callId: string) => ofCall('action.intent', callId),
    outcome: (callId: string) => ofCall('action.outcome', callId),
    /** Of a call that ran more than once, and of how each run ended. */
    intents: (callId: string) => allOf('action.intent', callId),
    statuses: (callId: string) => allOf('action.outcome', callId).map(({ attributes }) => attributes['custody.action.status']),
    /** `[tool, arguments, status]` of a call. */
    call(callId: string): readonly unknown[] {
      const intent = ofCall('action.intent', callId);
      const { attributes } = intent ?? { attributes: {} as LinkCopy['attributes'] };
      const status = ofCall('action.outcome', callId)?.attributes['custody.action.status'];
      return [attributes['gen_ai.tool.name'], intent?.content['gen_ai.tool.call.arguments'], status];
    },
    /** `[source, words]` of the reason of a call. */
    reason(callId: string): readonly unknown[] {
      const intent = ofCall('action.intent', callId);
      return [intent?.attributes['custody.action.reason.source'], intent?.content['custody.action.reason']];
    },
    /** The session that a call is in. */
    sessionOf,
    /** How the session of a call ended. */
    outcomeOf: (callId: string): unknown => endOf(ofCall('action.intent', callId)?.session),
    /** How the sessions of an agent started. */
    started: (agent: string): readonly LinkCopy[] =>
      kind('session.start').filter(({ attributes }) => attributes['gen_ai.agent.name'] === agent),
    /** `requested executed` of each attestation. */
    attested: (): readonly string[] =>
      kind('attestation').map(
        ({ attributes }) => `${attributes['custody.attestation.requested']} ${attributes['custody.attestation.executed']}`,
      ),
    kindsOf: (callId: string): readonly string[] => kinds(sessionOf(callId)),
  };
}
