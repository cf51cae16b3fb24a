/** A part that the test set-up provides; without it the test fails at once, saying how to get it. */
export function requireEnv(name: string, what: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `This test needs ${what} (${name}); run it by: npm test, or: npm run test:part -- <jest pattern>`,
    );
  return value;
}
