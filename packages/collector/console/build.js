// Bundles what the console's pages load: one script, with the chain package in it, and the style sheet. Runs after `tsc -b`.
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const assets = at('../dist/console/assets');
mkdirSync(assets, { recursive: true });
await build({
  configFile: false,
  logLevel: 'error',
  root: at('..'),
  build: {
    outDir: assets,
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: at('../dist/console/modules/main.js'), formats: ['es'], fileName: () => 'console.js' },
  },
});
copyFileSync(at('style.css'), `${assets}/style.css`);
