import { z } from 'zod';

/** Where a collector is asked, and with which reader's token. */
export interface CollectorAddress {
  readonly url: string;
  readonly token?: string | undefined;
}

/** The collector's answer is of no use: it could not be asked, or did not answer as its API does. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: 'unreachable' | 'refused' | 'unreadable';

  constructor(code: EvidenceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A link as `GET /api/v1/sessions/ID` shows it, as far as it is evidence. */
export const storedLinkSchema = z
  .looseObject({
    hash: z.string(),
    time: z.string(),
    trace_id: z.string(),
    span_id: z.string(),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
    content: z.record(z.string(), z.string()),
  })
  .transform(({ hash, time, trace_id: traceId, span_id: spanId, attributes, content }) => ({
    hash,
    time,
    traceId,
    spanId,
    attributes,
    content,
  }));

const TIMEOUT_MS = 30_000;

/** A collector's API, as others read it. */
export class CollectorApi {
  /** Its origin, for messages. */
  readonly name: string;

  constructor(private readonly address: CollectorAddress) {
    this.name = new URL(address.url).origin;
  }

  /**
   * @param path with the query, such as `/metrics`
   * @returns undefined for 404
   * @throws EvidenceError `unreachable`, `refused`
   */
  async text(path: string): Promise<string | undefined> {
    const { url, token } = this.address;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const { cause, message } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new EvidenceError('unreachable', `${this.name}: the collector cannot be reached: ${reason}`, { cause: error });
    }
    if (response.status === 404) return undefined;
    if (response.status === 401)
      throw new EvidenceError('refused', `${this.name}: the collector wants its reader's token: --token or CUSTODY_TOKEN`);
    if (!response.ok) throw new EvidenceError('refused', `${this.name}: the collector answered ${response.status}`);
    return text;
  }

  /**
   * @returns undefined for 404
   * @throws EvidenceError, `unreadable` for an answer that is not as the schema has it too
   */
  async json<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
    const text = await this.text(path);
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.unreadable(error);
    }
  }

  unreadable(cause?: unknown): EvidenceError {
    return new EvidenceError('unreadable', `${this.name}: the answer is not that of a collector's API; check the URL`, { cause });
  }
}
