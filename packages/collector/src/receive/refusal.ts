/** google.rpc.Code, as far as a receiver has a use for it. */
export const RPC_CODE = {
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface RefusalDetails {
  /** One of {@link RPC_CODE}. */
  readonly rpcCode: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is answered with an HTTP error. Thrown inside the receiver alone, and answered there. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** 400, 401, 403, 413, 415 or 503. */
  readonly code: number;
  readonly rpcCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, details: RefusalDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.rpcCode = details.rpcCode;
    this.headers = details.headers ?? {};
  }
}

/** The client went away: nobody is left to be answered. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
  readonly code = 'client_gone';
}

export function tooLarge(message: string): Refusal {
  return new Refusal(413, message, { rpcCode: RPC_CODE.resourceExhausted });
}

/** 503: nothing of the request was kept, and the same request may succeed after that many seconds. */
export function overloaded(message: string, retryAfterSeconds: number): Refusal {
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds));
  return new Refusal(503, message, { rpcCode: RPC_CODE.unavailable, headers: { 'retry-after': String(seconds) } });
}
