import type { LinkCopy } from '@agent-custody/chain';
import { kinds } from '../../support/recording.js';
import type { Sink } from './sink.js';

/** What the tests of adapters ask of the links that a sink received. */
export function linksIn(sink: Sink) {
  const kind = (name: string): readonly LinkCopy[] => sink.links().filter((link) => link.kind === name);
  const ofCall = (name: string, callId: string): LinkCopy | undefined =>
    kind(name).find(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId);
  return {
    kind,
    intent: (callId: string) => ofCall('action.intent', callId),
    outcome: (callId: string) => ofCall('action.outcome', callId),
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
    sessionOf: (callId: string): readonly LinkCopy[] => {
      const session = ofCall('action.intent', callId)?.session;
      return sink.links().filter((link) => link.session === session);
    },
    /** How the session of a call ended. */
    outcomeOf(callId: string): unknown {
      const session = ofCall('action.intent', callId)?.session;
      const end = kind('session.end').find((link) => link.session === session);
      return end?.attributes['custody.session.outcome'];
    },
    /** `requested executed` of each attestation. */
    attested: (): readonly string[] =>
      kind('attestation').map(
        ({ attributes }) => `${attributes['custody.attestation.requested']} ${attributes['custody.attestation.executed']}`,
      ),
    kindsOf(callId: string): readonly string[] {
      return kinds(this.sessionOf(callId));
    },
  };
}
