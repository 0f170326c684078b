const MAX_BYTES = 1024;

/**
 * Makes a string fit to be covered by a link hash: lone surrogates become U+FFFD, and what is over 1024 UTF-8 bytes is dropped, at
 * a code point (SPEC.md, "What is a link"). Nothing is normalised.
 */
export function coveredText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  if (whole.length <= MAX_BYTES / 3) return whole;
  let bytes = 0;
  let units = 0;
  for (const point of whole) {
    const code = point.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > MAX_BYTES) return whole.slice(0, units);
    units += point.length;
  }
  return whole;
}
