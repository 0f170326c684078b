import { type Truth, truth, UNKNOWN, YES } from '../truth.js';

// Paths inside a root, by their text alone: what a symbolic link, a mount or a race points elsewhere cannot be seen from here, and
// belongs to the tool's own sandbox. POSIX paths; Windows ones are not read.

/** Control characters, backslashes, and percent-encoded bytes and code units: one more decoding away from being another path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const READ_DIFFERENTLY = /[\u0000-\u001f\u007f\\]|%(?:u?[0-9a-fA-F]{2})/;
/** `file:///etc`, `C:/`, `~root/`, `//server/share`. */
const OTHER_NAMESPACE = /^(?:[A-Za-z][A-Za-z0-9+.-]*:|~|\/\/)/;

/** The segments of a path from `/` on, `.` and `..` resolved; undefined when it has no single meaning here. */
function segmentsOf(path: string, base: string | undefined): readonly string[] | undefined {
  if (path === '' || READ_DIFFERENTLY.test(path) || OTHER_NAMESPACE.test(path)) return undefined;
  const absolute = path.startsWith('/') ? path : base === undefined ? undefined : `${base}/${path}`;
  if (absolute === undefined) return undefined;
  const segments: string[] = [];
  for (const segment of absolute.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

/** Whether `text` can be a root or a base: an absolute POSIX path. */
export function isRoot(text: string): boolean {
  return text.startsWith('/') && segmentsOf(text, undefined) !== undefined;
}

function isWithin(segments: readonly string[], root: readonly string[]): boolean {
  return root.length <= segments.length && root.every((segment, at) => segment === segments[at]);
}

/** As file systems compare that do not tell upper from lower case or composed from decomposed letters. */
function folded(segments: readonly string[]): readonly string[] {
  return segments.map((segment) => segment.normalize('NFKC').toLowerCase());
}

/**
 * Whether a path lies in one of the roots or is one. UNKNOWN where it depends on who reads it, also where it lies inside only for whom
 * case or Unicode form is no matter, or only for whom it is (U+FF0E twice is `..` to a tool that normalises).
 *
 * @param base what relative paths are relative to; without it they are UNKNOWN
 */
export function compileInside(roots: readonly string[], base: string | undefined): (path: string) => Truth {
  const compiled = roots.flatMap((root) => {
    const segments = segmentsOf(root, undefined);
    return segments === undefined ? [] : [{ segments, alike: folded(segments) }];
  });
  return (path) => {
    const segments = segmentsOf(path, base);
    if (segments === undefined) return UNKNOWN;
    const inside = compiled.some((root) => isWithin(segments, root.segments));
    const normalised = path.normalize('NFKC');
    if (inside && normalised === path) return YES;
    const alike = segmentsOf(normalised, base);
    if (alike === undefined) return UNKNOWN;
    const insideAlike = compiled.some((root) => isWithin(folded(alike), root.alike));
    return inside === insideAlike ? truth(inside) : UNKNOWN;
  };
}
