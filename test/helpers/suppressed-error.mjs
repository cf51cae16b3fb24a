/**
 * What `await using` throws when both the test and the end of what it used failed. The compiler of the tests names a class
 * that jest's realm has not, so that neither failure would be seen: this one says both, the test's first.
 */
globalThis._SuppressedError = class extends Error {
  constructor(error, suppressed) {
    super(`${suppressed?.message ?? suppressed}\n\nand in its end: ${error?.message ?? error}`);
    if (suppressed?.stack) this.stack = suppressed.stack.replace(suppressed.message, this.message);
  }
};
