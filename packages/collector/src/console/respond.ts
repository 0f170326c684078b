import type { ServerResponse } from 'node:http';
import { answer } from '../api/answer.js';

/** Nothing but our own files: no script, style or frame of anyone else's, whatever an argument holds. */
export const POLICY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
};

export function page(response: ServerResponse, status: number, html: string): void {
  answer(response, status, 'text/html; charset=utf-8', html, POLICY);
}

/** 303: whatever was posted, the next page is asked for with GET. */
export function redirect(response: ServerResponse, location: string, ...cookies: string[]): void {
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  answer(response, 303, 'text/plain; charset=utf-8', '', { ...POLICY, location });
}
