import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from './process.js';

/**
 * Puts the built package into the node_modules of an application, as a registry would: it shares the application's copies of its
 * peers then, and a bundler does not take it for sources of the application's own, as it does with what is linked from a workspace.
 */
export function installOwnPackages(application: string): void {
  for (const name of ['chain', 'policy', 'instrumentation']) {
    const folder = join(application, 'node_modules/@agent-custody', name);
    rmSync(folder, { recursive: true, force: true });
    for (const part of ['package.json', 'dist']) cpSync(join(PACKAGE, '..', name, part), join(folder, part), { recursive: true });
  }
}
