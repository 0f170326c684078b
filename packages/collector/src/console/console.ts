import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionReport } from '@agent-custody/chain';
import { ApiError, answer } from '../api/answer.js';
import { readText } from '../api/body.js';
import { type Approval, ApprovalError, type Approvals } from '../approvals/index.js';
import type { ApprovalStore } from '../approvals/store.js';
import type { Log } from '../engine/types.js';
import { LedgerError } from '../ledger/errors.js';
import type { Page, PageRequest, RecordedLink } from '../ledger/ledger.js';
import { createAssets } from './assets.js';
import { rowsOf } from './chain-view.js';
import { Entrance, entranceTo, type Ways } from './entrance.js';
import { Events } from './events.js';
import { approvalPage } from './pages/approval.js';
import { approvalsPage } from './pages/approvals.js';
import { sessionPage, sessionsPage } from './pages/sessions.js';
import { problemPage } from './pages/simple.js';
import { POLICY, page, redirect } from './respond.js';
import { isOwnForm, type SignIns, type Viewer } from './sign-in.js';

/** What the console shows, and who may look. */
export interface ConsoleParts {
  readonly approvals: Approvals;
  readonly store: Pick<ApprovalStore, 'approvalsPage' | 'pendingCount'>;
  readonly signIns: SignIns;
  /** By which way people sign in; none, and whoever reaches the collector is `local`. */
  readonly ways: Ways;
  report(session: string): SessionReport | undefined;
  reports(page: PageRequest): Page<SessionReport>;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Copies of links from this seq on, so many at most. */
  links(session: string, from: number, limit: number): readonly RecordedLink[];
  /** The highest seq on record, and when the last link came, Unix ms. */
  seen(session: string): { readonly highestSeq: number; readonly lastSeenMs: number };
  /** The session as a file that `verify --file` reads, with what it refers to in others. */
  bundle(session: string): string | undefined;
}

export interface Console {
  handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>;
  close(): void;
}

/** Segments of plain names only: a path that somebody could resolve to another page is none of ours. */
const OWN = /^\/console(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*\/?$/;
const PAGE_ROWS = 50;
/** Links on one page of a session, and before a request for approval: a session may have as many as it likes. */
const PAGE_LINKS = 200;
const LINKS_BEFORE = 50;
/** Requests that wait, on one page. */
const MOST_PENDING = 100;
const ID = /^[0-9a-f]{32}$/;

/** Whether a path, exactly as it was sent, is the console's. */
export function isConsolePath(path: string): boolean {
  return OWN.test(path);
}

/** The page that a collector serves: approvals and sessions, without JavaScript too. */
export function createConsole(parts: ConsoleParts): Console {
  const { approvals, signIns, ways } = parts;
  const entrance = new Entrance(signIns, ways, parts.log);
  const asset = createAssets();
  const events = new Events(approvals);

  async function handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { route, section, id } = routeOf(request.method, url.pathname);
    if (route.startsWith('GET assets/')) return showAsset(response, route.slice('GET assets/'.length));
    if (section === 'login' || section === 'callback') return entrance.handle(request, response, url, route);
    const known = signIns.viewer(request) ?? enterLocally(request, response);
    if (known === undefined) return redirect(response, entranceTo(url.pathname));
    switch (route) {
      case 'GET ':
        return redirect(response, '/console/approvals');
      case 'GET approvals':
        return showApprovals(response, known, url);
      case 'GET approvals/ID':
        return showApproval(response, known, approvals.get(id));
      case 'POST approvals/ID/decision':
        return decide(request, response, known, id);
      case 'GET sessions':
        return showSessions(response, known, url);
      case 'GET sessions/ID':
        return showSession(response, known, id, url);
      case 'GET sessions/ID/bundle':
        return showBundle(response, id);
      case 'GET events':
        if (request.method === 'HEAD' || !events.listen(response))
          throw new ApiError('unavailable', 'too many browsers listen; the page asks again by itself');
        return undefined;
      case 'POST logout':
        await ownForm(request, known);
        return redirect(response, '/console/login', signIns.close(request));
      default:
        throw new ApiError('not_found', 'there is no such page');
    }
  }

  /** Where nobody signs in, whoever reaches the page is let in, with a form token of their own all the same. */
  function enterLocally(request: IncomingMessage, response: ServerResponse): Viewer | undefined {
    if (ways.local === undefined) return undefined;
    const cookie = signIns.open(ways.local, 'decide', true);
    response.setHeader('set-cookie', cookie);
    request.headers.cookie = cookie.split(';')[0] ?? '';
    return signIns.viewer(request);
  }

  function showApprovals(response: ServerResponse, viewer: Viewer, url: URL): void {
    const { items, next } = parts.store.approvalsPage({ limit: PAGE_ROWS, cursor: url.searchParams.get('cursor') ?? undefined });
    const recent = items.map(({ request }) => approvals.get(request.id));
    const pending = approvals.pending(MOST_PENDING);
    page(response, 200, approvalsPage({ viewer, pending, waiting: Math.max(pending.length, parts.store.pendingCount()), recent, next }));
  }

  function showApproval(response: ServerResponse, viewer: Viewer, approval: Approval, status = 200, problem?: string): void {
    const { session, seq } = approval.request;
    const from = Math.max(1, seq - LINKS_BEFORE + 1);
    const links = parts.links(session, from, PAGE_LINKS).filter(({ link }) => link.seq <= seq);
    const report = parts.report(session);
    const findings = report?.findings.filter((finding) => from <= finding.seq && finding.seq <= seq) ?? [];
    page(
      response,
      status,
      approvalPage({
        viewer,
        approval,
        objection: approvals.objection(approval, viewer.name),
        chain: rowsOf(links, findings, from),
        from,
        intent: approvals.agreement(approval.request),
        problem,
      }),
    );
  }

  async function decide(request: IncomingMessage, response: ServerResponse, viewer: Viewer, id: string): Promise<void> {
    const form = await ownForm(request, viewer);
    const decision = form.get('decision');
    if (viewer.may !== 'decide') throw new ApiError('forbidden', 'you may read and not decide: sign in as an approver');
    if (decision !== 'approved' && decision !== 'denied') throw new ApiError('bad_request', 'decision: approved or denied');
    try {
      const comment = (form.get('comment') ?? '').slice(0, 4096);
      approvals.decide(id, { decision, approver: viewer.name, way: 'console', comment }, form.get('arguments_digest') ?? '');
    } catch (error) {
      if (!(error instanceof ApprovalError) || error.code === 'unknown') throw error;
      return showApproval(response, viewer, approvals.get(id), 409, `The decision was not taken: ${error.message}.`);
    }
    redirect(response, `/console/approvals/${id}`);
  }

  function showSessions(response: ServerResponse, viewer: Viewer, url: URL): void {
    const { items, next } = parts.reports({ limit: PAGE_ROWS, cursor: url.searchParams.get('cursor') ?? undefined });
    const sessions = items.map((report) => ({ report, lastSeenMs: parts.seen(report.session).lastSeenMs }));
    page(response, 200, sessionsPage(viewer, sessions, next));
  }

  function showSession(response: ServerResponse, viewer: Viewer, id: string, url: URL): void {
    const report = parts.report(id);
    if (report === undefined) throw new ApiError('not_found', `nothing was received of session ${id}`);
    const { highestSeq: highest, lastSeenMs } = parts.seen(id);
    const asked = Number(/^\d{1,15}$/.exec(url.searchParams.get('from') ?? '')?.[0] ?? highest - PAGE_LINKS + 1);
    const from = Math.max(1, Math.min(asked, highest));
    const links = parts.links(id, from, PAGE_LINKS);
    const last = links.at(-1)?.link.seq ?? highest;
    const findings = report.findings.filter(({ seq }) => from <= seq && seq <= last);
    const view = { from, last, highest, step: PAGE_LINKS };
    page(response, 200, sessionPage(viewer, { report, lastSeenMs }, rowsOf(links, findings, from), view));
  }

  function showBundle(response: ServerResponse, id: string): void {
    const text = parts.bundle(id);
    if (text === undefined) throw new ApiError('not_found', `nothing was received of session ${id}`);
    answer(response, 200, 'application/jsonl; charset=utf-8', text, POLICY);
  }

  function showAsset(response: ServerResponse, name: string): void {
    const found = asset(name);
    if (found === undefined) throw new ApiError('not_found', 'there is no such file');
    answer(response, 200, found.type, found.text, { ...POLICY, 'cache-control': 'no-cache' });
  }

  return {
    async handle(request, response, url) {
      try {
        await handle(request, response, url);
      } catch (error) {
        const { status, title, message } = problemOf(error);
        if (response.headersSent) response.destroy();
        else page(response, status, problemPage(signIns.viewer(request), title, message));
      }
    },
    close: () => events.close(),
  };
}

/** Such as `GET approvals/ID`, of a path that is the console's; all of it counts, so that nothing more may stand at its end. */
function routeOf(method = '', path: string): { readonly route: string; readonly section: string; readonly id: string } {
  const parts = path.split('/').slice(2);
  const named = parts.map((part, index) => (index === 1 && ID.test(part) ? 'ID' : part)).filter((part) => part !== '');
  const [section = '', id = ''] = parts;
  return { route: `${method === 'HEAD' ? 'GET' : method} ${named.join('/')}`, section, id };
}

/** A form of this viewer's, from our own page. @throws ApiError `forbidden` */
async function ownForm(request: IncomingMessage, viewer: Viewer): Promise<URLSearchParams> {
  const form = new URLSearchParams(await readText(request));
  if (!isOwnForm(request, form.get('csrf') ?? '', viewer.csrf))
    throw new ApiError('forbidden', 'this form is not from this page, or from an earlier sign-in: open the page again');
  return form;
}

function problemOf(error: unknown): { readonly status: number; readonly title: string; readonly message: string } {
  if (error instanceof ApiError)
    return { status: error.status, title: error.code === 'not_found' ? 'Not found' : 'That did not work', message: error.message };
  if (error instanceof ApprovalError) return { status: 404, title: 'Not found', message: error.message };
  if (error instanceof LedgerError)
    return error.code === 'bad_cursor'
      ? { status: 400, title: 'That did not work', message: error.message }
      : { status: 503, title: 'Not now', message: 'the ledger cannot be read at the moment; see the log' };
  throw error;
}
