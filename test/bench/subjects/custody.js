import { CustodyInstrumentation, flush, session } from '../parts.js';
import { spoolFolder, tracing } from './ways-out.js';

export { session };

/**
 * This project's instrumentation, with its spool and channel when there is somewhere to send, else as plain spans.
 *
 * @param {string | undefined} url
 */
export function custody(url) {
  const tracerProvider = tracing(undefined);
  const agent = { id: 'billing-bot', name: 'Billing bot' };
  const instrumentation = new CustodyInstrumentation({ agent, ...(url && { evidence: { url, spoolDirectory: spoolFolder() } }) });
  instrumentation.setTracerProvider(tracerProvider);
  return () => flush();
}
