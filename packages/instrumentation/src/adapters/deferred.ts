/** A promise and the functions that settle it, as `Promise.withResolvers` has them from Node 22 on. */
export function deferred(): { promise: Promise<unknown>; resolve(value: unknown): void; reject(reason: unknown): void } {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<unknown>((ok, no) => {
    resolve = ok;
    reject = no;
  });
  return { promise, resolve, reject };
}
