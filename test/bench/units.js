/** @param {number} nanoseconds */
export function microseconds(nanoseconds) {
  return `${(nanoseconds / 1000).toFixed(2)} µs`;
}

/** @param {number} nanoseconds */
export function milliseconds(nanoseconds) {
  return `${(nanoseconds / 1e6).toFixed(2)} ms`;
}

/** @param {number} perSecond */
export function spansPerSecond(perSecond) {
  return `${Math.round(perSecond / 1000)} k spans/s`;
}
