import { readFileSync } from 'node:fs';

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const FILES: Readonly<Record<string, string>> = { 'style.css': 'text/css; charset=utf-8', 'console.js': 'text/javascript; charset=utf-8' };

/** The style sheet and the script of the pages, made when the package is built; read once, at the first request. */
export function createAssets(): (name: string) => Asset | undefined {
  const read = new Map<string, Asset>();
  return (name) => {
    const type = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
    if (type === undefined) return undefined;
    const known = read.get(name) ?? { type, text: readFileSync(new URL(`../../dist/console/assets/${name}`, import.meta.url), 'utf8') };
    read.set(name, known);
    return known;
  };
}
