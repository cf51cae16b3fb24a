import { builtinModules } from 'node:module';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Rooms below `steps`: they know the model and nothing else of ours. */
const LOWER_ROOMS = ['plan', 'images', 'source', 'docker', 'store'];
const ALL_ROOMS = ['client', 'workers', 'workflows', 'activities', 'steps', ...LOWER_ROOMS, 'stack', 'model'];

/** What each room may import of ours, besides itself. */
const MAY_IMPORT = {
  model: [],
  ...Object.fromEntries(LOWER_ROOMS.map((room) => [room, ['model']])),
  stack: ['docker', 'store', 'model'],
  steps: [...LOWER_ROOMS, 'model'],
  activities: ['steps', ...LOWER_ROOMS, 'model'],
  workflows: ['activities', 'model'],
  workers: ['workflows', 'activities', 'steps', ...LOWER_ROOMS, 'model'],
  client: ['workflows', 'activities', 'workers', 'steps', ...LOWER_ROOMS, 'stack', 'model'],
};

const zones = Object.entries(MAY_IMPORT)
  .map(([room, allowed]) => ({
    target: `./${room}`,
    from: ALL_ROOMS.filter((other) => other !== room && !allowed.includes(other)).map(
      (other) => `./${other}`,
    ),
    message: `${room}/ may import only: ${[...allowed, room].join(', ')} (docs/architecture.md)`,
  }))
  .filter((zone) => zone.from.length > 0);

const NO_TEMPORAL = {
  group: ['@temporalio/*'],
  message: 'Only client, workers, workflows and activities know Temporal.',
};
const NO_DOCKERODE = { group: ['dockerode', 'dockerode/*'], message: 'Only docker/ imports dockerode.' };
const NO_AWS = { group: ['@aws-sdk/*', '@smithy/*'], message: 'Only store/ imports the S3 client.' };

const NODE_BUILTINS = builtinModules
  .flatMap((name) => [name, `node:${name}`])
  .filter((name) => !/^(node:)?assert$/.test(name));

export default tseslint.config(
  { ignores: ['node_modules', '.slipway', 'test/fixtures', 'examples', 'coverage'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/resolver': { node: { extensions: ['.ts', '.js', '.mjs'] } },
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'no-restricted-imports': ['error', { patterns: [NO_TEMPORAL, NO_DOCKERODE, NO_AWS] }],
      'max-lines': ['error', { max: 300 }],
      'no-console': 'error',
    },
  },
  {
    files: ['docker/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [NO_TEMPORAL, NO_AWS] }] },
  },
  {
    files: ['store/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [NO_TEMPORAL, NO_DOCKERODE] }] },
  },
  {
    files: ['client/**/*.ts', 'workers/**/*.ts', 'activities/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [NO_DOCKERODE, NO_AWS] }] },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: NODE_BUILTINS.map((name) => ({
            name,
            message: 'Workflow code is deterministic and does no I/O.',
          })),
          patterns: [
            NO_DOCKERODE,
            NO_AWS,
            {
              group: ['zod', '@temporalio/*', '!@temporalio/workflow', '!@temporalio/common'],
              message: 'Workflow code imports values from the SDK only.',
            },
          ],
        },
      ],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^\\.\\./(?!model/pure/)',
              allowTypeImports: true,
              message: 'Workflow code imports values only from workflows/ and model/pure.',
            },
          ],
        },
      ],
    },
  },
  // Only the CLI starts and stops the stack.
  {
    files: ['client/web/**/*.ts', 'client/hooks/**/*.ts', 'client/*.ts'],
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [...zones, { target: './client/!(cli)/**', from: './stack' }],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-restricted-imports': 'off', 'max-lines': 'off', 'no-console': 'off' },
  },
);
