import type { Notice } from '../ledger/ledger.js';
import type { NoticeFailure } from './metrics.js';

/** What became of an attempt to tell something. */
export type Delivery =
  | { readonly type: 'delivered' }
  /** To be tried again, not before `afterMs` where the other side says so. */
  | {
      readonly type: 'retry';
      readonly failure: Extract<NoticeFailure, 'unreachable' | 'timeout' | 'status' | 'unwritable'>;
      readonly reason: string;
      readonly afterMs?: number | undefined;
    }
  /** The other side blames what it was sent: tried a few times more, then passed over. */
  | { readonly type: 'refused'; readonly reason: string }
  /** The other side wants nothing more, ever. */
  | { readonly type: 'gone'; readonly reason: string };

/** Where notices go. */
export interface Sink {
  /** Under which its notices are kept in the ledger. */
  readonly name: string;
  /** Notices handed over at a time. */
  readonly batch: number;
  /** Tells these, all or none. Never rejects. */
  deliver(notices: readonly Notice[], signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}
