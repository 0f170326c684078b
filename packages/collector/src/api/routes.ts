import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionReport } from '@agent-custody/chain';
import { z } from 'zod';
import { isConsolePath } from '../console/console.js';
import type { Readiness } from '../engine/types.js';
import { EXPOSITION_TYPES, type MetricsPage } from '../exposition.js';
import { LedgerError } from '../ledger/errors.js';
import type { Page, PageRequest, RecordedFinding, RecordedLink } from '../ledger/ledger.js';
import { findingJson, sessionJson } from '../report-json.js';
import { preferredFormat } from './accept.js';
import { ApiError, answer, answerError, answerJson } from './answer.js';
import { isApprovalsPath } from './approvals.js';

/** What the API shows. */
export interface ApiSources {
  readiness(): Readiness;
  metricsPage(): MetricsPage;
  report(session: string): SessionReport | undefined;
  reports(page: PageRequest): Page<SessionReport>;
  links(session: string): readonly RecordedLink[];
  findings(page: PageRequest): Page<RecordedFinding>;
  /** Answers what is under `/api/v1/approvals`, which asks for who is calling itself. */
  readonly approvals: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>;
  /** Answers what is under `/console`, which has its own way to sign in. */
  readonly console: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>;
  /** Which `Host` names may be asked by; undefined: any (a reader's token is asked for then). */
  readonly hosts: ReadonlySet<string> | undefined;
  /** The same where people and agents bring credentials of their own: the name that they reach the collector by, too. */
  readonly signInHosts: ReadonlySet<string> | undefined;
}

/** One session with its chain: what `GET /api/v1/sessions/ID` answers beside the report. */
interface LinkJson {
  readonly seq: number;
  readonly kind: string;
  /** Unix nanoseconds, decimal. */
  readonly time: string;
  readonly hash: string;
  readonly prev: string;
  readonly status: RecordedLink['status'];
  readonly trace_id: string;
  readonly span_id: string;
  /** What the hash covers. */
  readonly attributes: RecordedLink['link']['attributes'];
  /** Disclosed content and its salts. */
  readonly content: Readonly<Record<string, string>>;
}

type Handler = (url: URL, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

const pageQuery = z.object({
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .transform(Number)
    .pipe(z.number().max(1000))
    .default(100),
  cursor: z.string().min(1).max(512).optional(),
});
const SESSION_PATH = /^\/api\/v1\/sessions\/([^/]+)$/;
const SESSION_ID = /^[0-9a-f]{32}$/;

/**
 * Answers everything that is not OTLP: `/healthz`, `/readyz`, `/metrics` and `/api/v1`. Authorisation happens before; what happens
 * here is refused as `{error: {code, message}}`.
 *
 * @returns true: every request is answered, those for no page with 404
 */
export function createApi(sources: ApiSources): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  const pages: Readonly<Record<string, Handler>> = {
    '/healthz': (_url, response) => answer(response, 200, 'text/plain; charset=utf-8', 'ok\n'),
    '/readyz': (_url, response) => {
      const readiness = sources.readiness();
      answer(
        response,
        readiness.ready ? 200 : 503,
        'text/plain; charset=utf-8',
        readiness.ready ? 'ready\n' : `not ready: ${readiness.reason}\n`,
      );
    },
    '/metrics': async (_url, response, { headers }) => {
      const format = preferredFormat(headers.accept);
      answer(response, 200, EXPOSITION_TYPES[format], await sources.metricsPage()[format](), { vary: 'accept' });
    },
    '/api/v1/sessions': (url, response) => {
      const { items, next } = sources.reports(pageOf(url));
      answerJson(response, 200, { sessions: items.map(sessionJson), next: next ?? null });
    },
    '/api/v1/findings': (url, response) => {
      const { items, next } = sources.findings(pageOf(url));
      answerJson(response, 200, { findings: items.map(recordedFindingJson), next: next ?? null });
    },
  };

  function handlerFor(path: string): Handler {
    if (Object.hasOwn(pages, path)) return pages[path] as Handler;
    const session = SESSION_PATH.exec(path)?.[1];
    if (session === undefined) throw new ApiError('not_found', `there is no page '${path}'; the API is under /api/v1`);
    return (_url, response) => answerJson(response, 200, sessionPage(session));
  }

  function sessionPage(session: string): unknown {
    if (!SESSION_ID.test(session)) throw new ApiError('bad_request', 'a session id is 32 lower-case hex');
    const report = sources.report(session);
    if (report === undefined) throw new ApiError('not_found', `nothing was received of session ${session}`);
    return { ...sessionJson(report), chain: sources.links(session).map(linkJson) };
  }

  return async (request, response) => {
    try {
      const url = parseUrl(request.url ?? '/');
      if (isApprovalsPath(url.pathname)) {
        requireHost(request, sources.signInHosts);
        await sources.approvals(request, response, url);
        return true;
      }
      if (isConsolePath(url.pathname)) {
        requireHost(request, sources.signInHosts);
        await sources.console(request, response, url);
        return true;
      }
      const handler = handlerFor(url.pathname);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new ApiError('method_not_allowed', `${url.pathname} answers GET and HEAD`, { allow: 'GET, HEAD' });
      }
      if (url.pathname !== '/healthz' && url.pathname !== '/readyz') requireHost(request, sources.hosts);
      await handler(url, response, request);
    } catch (error) {
      const problem = asApiError(error);
      answerError(response, problem.status, problem, problem.headers);
    }
    return true;
  };
}

function parseUrl(target: string): URL {
  // A path such as `//host` would be read as another authority.
  if (target.startsWith('/') && URL.canParse(`http://collector${target}`)) return new URL(`http://collector${target}`);
  throw new ApiError('bad_request', 'the request target is not a path');
}

/**
 * Without a reader's token the API trusts whoever is on this machine; a web page there is not who is meant. A page whose name was
 * made to resolve to 127.0.0.1 (DNS rebinding) still sends its own name as Host.
 */
function requireHost(request: IncomingMessage, hosts: ReadonlySet<string> | undefined): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (hosts === undefined || hosts.has(host)) return;
  throw new ApiError(
    'forbidden_host',
    "without a reader's token only this machine's own names are answered; to be reached by another the API needs --reader-token, console and approvals --public-url",
  );
}

function pageOf(url: URL): PageRequest {
  const parsed = pageQuery.safeParse({
    limit: url.searchParams.get('limit') ?? undefined,
    cursor: url.searchParams.get('cursor') ?? undefined,
  });
  if (!parsed.success) throw new ApiError('bad_request', "limit: a whole number from 1 to 1000; cursor: the 'next' of an earlier page");
  return parsed.data;
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof LedgerError) {
    return error.code === 'bad_cursor'
      ? new ApiError('bad_request', error.message)
      : new ApiError('unavailable', 'the ledger cannot be read at the moment; see the log', { cause: error });
  }
  throw error;
}

function linkJson({ link, status }: RecordedLink): LinkJson {
  const { seq, kind, time, hash, prev, traceId, spanId, attributes, content } = link;
  return { seq, kind, time, hash, prev, status, trace_id: traceId, span_id: spanId, attributes, content };
}

function recordedFindingJson(finding: RecordedFinding): unknown {
  return { session: finding.session, ...findingJson(finding), reported_at: new Date(finding.reportedAtMs).toISOString() };
}
