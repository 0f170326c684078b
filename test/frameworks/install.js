// Installs the frameworks that the tests run against: each in a folder of its own, with a lock file of its own, outside the
// workspaces. The loader hook goes by folder names, two versions of one framework must not share a tree, and whoever only runs
// the demo shall not download a gigabyte. What is installed already is left as it is.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const AT_ONCE = 3;

/** What a folder must hold: a hash of its lock file, kept beside what was installed from it. */
function wanted(folder) {
  return createHash('sha256')
    .update(readFileSync(`${folder}/package-lock.json`))
    .digest('hex');
}

function installed(folder) {
  const stamp = `${folder}/node_modules/.installed`;
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted(folder);
}

function install(folder) {
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', ['ci', '--loglevel=error'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    npm.on('error', reject);
    npm.on('exit', (code) => {
      if (code !== 0) return reject(new Error(`npm ci failed in ${folder} (status ${code}): run it there to see why`));
      writeFileSync(`${folder}/node_modules/.installed`, wanted(folder));
      resolve();
    });
  });
}

const only = process.argv.slice(2);
const queue = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (only.length === 0 || only.includes(entry.name)))
  .map((entry) => here + entry.name)
  .filter((folder) => !installed(folder));
if (queue.length > 0) console.log(`installing ${queue.length} frameworks that the tests run against …`);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) await install(folder);
  }),
);
