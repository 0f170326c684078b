import type { IncomingMessage, ServerResponse } from 'node:http';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { z } from 'zod';
import {
  type Approval,
  ApprovalError,
  type Approvals,
  approvalRequestSchema,
  type DecisionWay,
  decisionSchema,
} from '../approvals/index.js';
import type { Log } from '../engine/types.js';
import type { Caller } from '../receive/types.js';
import { ApiError, answerError, answerJson } from './answer.js';
import { parseBody, readJsonText } from './body.js';

/** Who is calling, as far as the ways into this API can tell. */
export interface ApprovalAccess {
  /** The agent's side, by its ingest token. @throws ApiError `unauthorized` */
  agent(request: IncomingMessage): Caller;
  /** A named approver's token; or whoever calls, where nobody is asked. */
  approver(request: IncomingMessage): { readonly name: string; readonly way: 'token' | 'local' } | undefined;
  /** `whsec_…` of the service that answers for approvers; none: signed webhooks are not taken. */
  readonly callbackSecrets: readonly string[];
}

export interface ApprovalsApiParts {
  readonly approvals: Approvals;
  readonly access: ApprovalAccess;
  /** Whose session it is by its links, as far as they are there. */
  agentOf(session: string): string | undefined;
  readonly log: Pick<Log, 'warn'>;
}

const PATH = /^\/api\/v1\/approvals(?:\/([0-9a-f]{32})(?:\/(decision|claim|withdraw))?)?$/;
/** Bytes of a request for approval: 65 536 characters of arguments, each of which JSON may write with six. */
const ASKED_BYTES = 512 * 1024;
const claimSchema = z.strictObject({ claim: z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 lower-case hex') });
const waitSeconds = z
  .string()
  .regex(/^[0-9]{1,3}$/)
  .transform(Number);

/** HTTP statuses of {@link ApprovalError}: what is wrong with the caller, with the moment, with the message. */
const STATUS: Readonly<Record<ApprovalError['code'], number>> = {
  unknown: 404,
  conflict: 409,
  digest_mismatch: 400,
  too_many: 429,
  forged: 401,
  replay: 409,
  late: 410,
  decided: 409,
  used: 409,
  self_approval: 403,
  not_an_approver: 403,
  same_approver: 409,
  other_arguments: 409,
  not_approved: 409,
};

/** Whether a path is one of these, exactly as it was sent. */
export function isApprovalsPath(path: string): boolean {
  return PATH.test(path);
}

/**
 * `POST /api/v1/approvals` (an agent asks), `GET …/ID?wait=SECONDS` (it waits), `POST …/ID/claim` (it is about to run),
 * `POST …/ID/withdraw` (it does not wait any more),
 * `POST …/ID/decision` (a human, by token or through a signed webhook).
 */
export function createApprovalsApi({ approvals, access, agentOf, log }: ApprovalsApiParts) {
  async function handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [, id, verb] = PATH.exec(url.pathname) ?? [];
    const route = `${request.method} ${id === undefined ? '' : 'ID'}${verb === undefined ? '' : `/${verb}`}`;
    switch (route) {
      case 'POST ':
        return ask(request, response);
      case 'GET ID':
        return wait(request, response, id as string, url);
      case 'POST ID/claim':
        return claim(request, response, id as string);
      case 'POST ID/withdraw':
        return withdraw(request, response, id as string);
      case 'POST ID/decision':
        return decide(request, response, id as string);
      default: {
        const allow = id !== undefined && verb === undefined ? 'GET' : 'POST';
        throw new ApiError('method_not_allowed', `${url.pathname} answers ${allow}`, { allow });
      }
    }
  }

  async function ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const caller = access.agent(request);
    const body = parseBody(approvalRequestSchema, await readJsonText(request, ASKED_BYTES));
    requireAgent(caller, body.agent);
    // What a human sees beside the request is that session: nobody asks in the name of another's.
    if ((agentOf(body.session) || body.agent) !== body.agent) throw approvals.refusal('conflict', 'the session is another agent’s');
    answerJson(response, 201, approvalJson(approvals.request(body)));
  }

  async function wait(request: IncomingMessage, response: ServerResponse, id: string, url: URL): Promise<void> {
    requireAgent(access.agent(request), approvals.get(id).request.agent);
    const parsed = waitSeconds.safeParse(url.searchParams.get('wait') ?? '0');
    if (!parsed.success) throw new ApiError('bad_request', 'wait: whole seconds, at most 999');
    const left = new AbortController();
    response.once('close', () => left.abort());
    answerJson(response, 200, approvalJson(await approvals.settled(id, parsed.data * 1000, left.signal)));
  }

  async function claim(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    requireAgent(access.agent(request), approvals.get(id).request.agent);
    const body = parseBody(claimSchema, await readJsonText(request));
    answerJson(response, 200, approvalJson(approvals.claim(id, body.claim)));
  }

  async function withdraw(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    requireAgent(access.agent(request), approvals.get(id).request.agent);
    parseBody(z.strictObject({}), await readJsonText(request));
    answerJson(response, 200, approvalJson(approvals.withdraw(id)));
  }

  async function decide(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const text = await readJsonText(request);
    const speaker = speakerOf(request, text);
    const { decision, approver = speaker.name, arguments_digest: shown, comment = '' } = parseBody(decisionSchema, text);
    if (approver === undefined) throw new ApiError('bad_request', 'approver: a signed message names whom it speaks for');
    if (speaker.name !== undefined && approver !== speaker.name)
      throw new ApiError('bad_request', 'approver: a token speaks for its own name only');
    answerJson(
      response,
      200,
      approvalJson(approvals.decide(id, { decision, approver, way: speaker.way, comment }, shown, speaker.message)),
    );
  }

  /** A token speaks for its name, a signed message for whom it names. @throws ApprovalError `forged`; ApiError `unauthorized` */
  function speakerOf(request: IncomingMessage, text: string): { way: DecisionWay; name?: string; message?: string } {
    if (request.headers['webhook-signature'] !== undefined) {
      verifySigned(request, text);
      return { way: 'webhook', message: String(request.headers['webhook-id']) };
    }
    const approver = access.approver(request);
    if (approver === undefined) throw new ApiError('unauthorized', "send an approver's token, or sign the message (Standard Webhooks)");
    return approver;
  }

  /** @throws ApprovalError `forged` */
  function verifySigned(request: IncomingMessage, text: string): void {
    const verifies = access.callbackSecrets.some((secret) => {
      try {
        new Webhook(secret).verify(text, request.headers as Record<string, string>);
        return true;
      } catch (error) {
        if (error instanceof WebhookVerificationError) return false;
        // It parses the text too, once the signature is right.
        if (error instanceof SyntaxError) throw new ApiError('bad_request', 'the body is not JSON');
        throw error;
      }
    });
    if (!verifies) throw approvals.refusal('forged', 'the signature does not verify, is too old, or no secret is set for it');
  }

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    try {
      await handle(request, response, url);
    } catch (error) {
      if (error instanceof ApiError && (error.code === 'unauthorized' || error.code === 'forbidden'))
        log.warn({ reason: error.code, remote: request.socket.remoteAddress }, `approval refused: ${error.message}`);
      if (!(error instanceof ApprovalError)) throw error;
      answerError(response, STATUS[error.code], error);
    }
  };
}

/** A token is bound to agents: it neither asks nor waits for others. */
function requireAgent({ agents }: Caller, agent: string): void {
  if (agents !== 'all' && !agents.has(agent)) throw new ApiError('forbidden', 'the token is not for this agent');
}

/** What the agent learns: never the arguments, which it has. */
function approvalJson({ request, state, expiresAtMs, decisions }: Approval): unknown {
  return {
    id: request.id,
    state,
    arguments_digest: request.arguments_digest,
    expires_at: new Date(expiresAtMs).toISOString(),
    decisions: decisions.map(({ decision, approver, atMs }) => ({ decision, approver, at: new Date(atMs).toISOString() })),
  };
}
