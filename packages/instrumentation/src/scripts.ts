import type { Debugger, Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { diag } from '@opentelemetry/api';

/** One file of JavaScript that the process has loaded. */
export interface Script {
  readonly path: string;
  /** As it was loaded, with its query. */
  readonly url: string;
  readonly isModule: boolean;
  /** Whether its text matches all of these, each in one line. */
  matches(patterns: readonly RegExp[]): boolean;
}

/**
 * Looks at every file that is loaded now. Node keeps no list of ES modules that anyone can ask for; the engine's own debugger does,
 * and gives it at once, to the very thread that asks. Takes some tens of milliseconds.
 *
 * @returns undefined where there is no inspector, or it may not be used
 */
export function withScripts<T>(fn: (scripts: readonly Script[]) => T): T | undefined {
  let session: Session | undefined;
  try {
    const inspector = createRequire(process.execPath)('node:inspector') as typeof import('node:inspector');
    session = new inspector.Session();
    session.connect();
    const scripts: Script[] = [];
    session.on('Debugger.scriptParsed', ({ params }) => {
      const script = session && scriptOf(session, params);
      if (script) scripts.push(script);
    });
    session.post('Debugger.enable');
    return fn(scripts);
  } catch (error) {
    diag.debug('agent-custody: the loaded scripts cannot be listed', error);
    return undefined;
  } finally {
    try {
      session?.post('Debugger.disable');
      session?.disconnect();
    } catch {
      // It was never connected.
    }
  }
}

function scriptOf(session: Session, { scriptId, url, isModule = false }: Debugger.ScriptParsedEventDataType): Script | undefined {
  if (!url.startsWith('file:')) return undefined;
  const matches = (patterns: readonly RegExp[]): boolean =>
    patterns.every(({ source: query }) => {
      let found = false;
      session.post('Debugger.searchInContent', { scriptId, query, caseSensitive: true, isRegex: true }, (error, answer) => {
        found = error === null && answer.result.length > 0;
      });
      return found;
    });
  return { path: fileURLToPath(url), url, isModule, matches };
}
