import type { ServerResponse } from 'node:http';

/** What an API error can be; each has one HTTP status. */
const API_ERRORS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden_host: 403,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_large: 413,
  unsupported_media_type: 415,
  unavailable: 503,
} as const;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** A request that the API answers with an error; the message says what was wrong and what to do. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** What HTTP asks for beside the status. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param options.allow with `method_not_allowed`: the methods that are (RFC 9110, 15.5.6) */
  constructor(code: ApiErrorCode, message: string, options: ErrorOptions & { readonly allow?: string } = {}) {
    super(message, options);
    this.code = code;
    this.headers = {
      ...(options.allow !== undefined && { allow: options.allow }),
      ...(code === 'unauthorized' && { 'www-authenticate': 'Bearer realm="agent-custody"' }),
    };
  }

  /** The HTTP status that goes with the code. */
  get status(): number {
    return API_ERRORS[this.code];
  }
}

// What is shown is evidence, partly written by agents: no browser may sniff it into a page, keep it, frame it or run it.
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Answers with `body`; for HEAD the caller's request method, the body is left out by node itself. */
export function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...HEADERS, 'content-type': contentType, 'content-length': Buffer.byteLength(body), ...more });
  response.end(body);
}

export function answerJson(response: ServerResponse, status: number, body: unknown, more: Readonly<Record<string, string>> = {}): void {
  answer(response, status, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`, more);
}

/** `{"error": {"code", "message"}}`: what every error of the API looks like. */
export function answerError(
  response: ServerResponse,
  status: number,
  { code, message }: { readonly code: string; readonly message: string },
  more: Readonly<Record<string, string>> = {},
): void {
  answerJson(response, status, { error: { code, message } }, more);
}
