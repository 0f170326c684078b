import type { Context } from '@opentelemetry/api';
import { captureReason, captureValue } from '../capture.js';
import { guarded } from '../errors.js';
import type { Ruling } from '../guard.js';
import { newSpanId } from '../random.js';
import type { Recorder } from '../recorder.js';
import { startLinkSpan, within } from '../spans.js';

/** A child agent that must not start. */
interface RefusedChild {
  readonly agent: string;
  /** The action that it was to start in. */
  readonly inside: string;
  readonly ruling: Ruling;
  /** Unix nanoseconds of the decision. */
  readonly at: bigint;
}

const NO_ARGUMENTS = { text: 'null', encoding: 'json' } as const;

/**
 * Puts on record that an agent was not started: an intent inside the action that was to start it, and an outcome that never ran
 * (SPEC.md, "Links and the spans that carry them"). A session that never was has no link of its own to say so.
 */
export function recordRefusedChild(recorder: Recorder, { agent, inside, ruling, at }: RefusedChild, parent: Context): void {
  guarded('recording that an agent was refused', () => {
    const span = startLinkSpan(`execute_tool ${agent}`, parent);
    const action = { actionId: newSpanId(), tool: { name: agent } };
    const args = captureValue('arguments', NO_ARGUMENTS, agent, undefined);
    const why = captureReason(undefined, agent, undefined);
    recorder.record(startLinkSpan(`intent ${agent}`, within(span, parent)), (writer, place) =>
      writer.intent(
        {
          ...action,
          parentActionId: inside,
          childAgentId: agent,
          argumentsDigest: args.digest,
          argumentsEncoding: args.encoding,
          reasonDigest: why.digest,
          reasonSource: 'none',
          decision: ruling.decision,
          rule: ruling.rule,
          observed: ruling.observed,
          content: args.content,
        },
        { ...place, now: at },
      ),
    );
    recorder.record(span, (writer, place) => writer.outcome({ ...action, status: 'denied' }, place));
  });
}
