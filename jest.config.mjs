export default {
  testEnvironment: 'node',
  // What starts programs takes its time where the parts run side by side.
  testTimeout: 60_000,
  setupFiles: ['<rootDir>/test/helpers/suppressed-error.mjs'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.slipway/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};
