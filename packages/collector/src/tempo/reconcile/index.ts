export { openReconciler, type Reconciliation } from './open.js';
export { ReadBackTracking } from './tracking.js';
export type { Reconciler } from './types.js';
