import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Installs what this project is measured against, unless it is there: nothing else needs it, so no other command pays for it. */
export function installPeers() {
  const installed = modified('node_modules/.package-lock.json');
  if (installed !== undefined && installed >= (modified('package-lock.json') ?? 0)) return;
  console.log('installing the peers …');
  execFileSync('npm', ['ci', '--prefix', FOLDER, '--no-audit', '--no-fund', '--ignore-scripts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The peers with their versions. */
export function peerVersions() {
  const { dependencies } = JSON.parse(readFileSync(`${FOLDER}/package.json`, 'utf8'));
  return Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
}

/** @param {string} file */
function modified(file) {
  return statSync(`${FOLDER}/${file}`, { throwIfNoEntry: false })?.mtimeMs;
}
