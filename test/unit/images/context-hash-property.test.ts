import { afterAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { openBuildContext } from '../../../images/build-context.ts';
import { openCheckout } from '../../../source/git-source.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import type { CommitOptions, RepositoryFile } from '../../helpers/git-repository.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

const scratch = scratchDirectory();
afterAll(() => scratch[Symbol.dispose]());

const segment = fc.constantFrom('a', 'b', 'Z', '-', 'é', 'ﬀ', '😀', 'x'.repeat(90), 'e\u0301');
/** A name that ends in `.f` is never the directory of another. */
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `${segments.join('/')}.f`);
const content = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.integer({ min: 0, max: 1100 }).map((size) => 'x'.repeat(size)),
);
const file = fc.oneof(
  content,
  content.map((executable) => ({ executable })),
);
const files = fc.dictionary(path, file, { maxKeys: 8 });

const circumstances = fc.record({
  umask: fc.constantFrom(0o000, 0o002, 0o022, 0o077),
  mtime: fc.date({ min: new Date(0), max: new Date('2037-01-01'), noInvalidDate: true }),
  locale: fc.constantFrom('C', 'C.UTF-8', 'POSIX', 'tr_TR.UTF-8'),
  author: fc.constantFrom('Somebody', 'Else'),
  order: fc.constantFrom(1, -1),
});

async function hashIn(tree: Parameters<typeof openBuildContext>[0]): Promise<string> {
  const definition = { imageName: 'x', context: 'ctx', args: {}, hasParent: false };
  return (await openBuildContext(tree, definition)).contextHash;
}

let repositories = 0;

function checkOut(
  contents: Readonly<Record<string, RepositoryFile>>,
  { order, ...options }: CommitOptions & { readonly order: number },
): Promise<string> {
  const repository = new GitRepository(`${scratch.path}/${(repositories += 1)}`);
  const written = Object.entries(contents).sort(([a], [b]) => (a < b ? -order : order));
  return hashIn(openCheckout(repository.directory, repository.commit(Object.fromEntries(written), options)));
}

describe('the context hash', () => {
  it('does not depend on order, mtime, owner, umask or locale of a checkout', async () => {
    await fc.assert(
      fc.asyncProperty(files, circumstances, circumstances, async (contents, one, other) => {
        const placed = Object.fromEntries(
          Object.entries(contents).map(([name, value]) => [`ctx/${name}`, value]),
        );
        const all = { ...placed, 'ctx/Dockerfile': 'FROM scratch\n' };

        const expected = await hashIn(memoryTree(all));

        expect(await checkOut(all, one)).toBe(expected);
        expect(await checkOut(all, other)).toBe(expected);
      }),
      { numRuns: 3 },
    );
  });

  it('depends on every name, mode and byte of a file', async () => {
    await fc.assert(
      fc.asyncProperty(files, path, content, async (contents, name, text) => {
        const { [name]: _, ...others } = contents;
        const placed = Object.fromEntries(
          Object.entries(others).map(([key, value]) => [`ctx/${key}`, value]),
        );
        const all = { ...placed, 'ctx/Dockerfile': 'FROM scratch\n' };

        const hashes = await Promise.all([
          hashIn(memoryTree(all)),
          hashIn(memoryTree({ ...all, [`ctx/${name}`]: text })),
          hashIn(memoryTree({ ...all, [`ctx/${name}`]: `${text}\0` })),
          hashIn(memoryTree({ ...all, [`ctx/${name}`]: { executable: text } })),
          hashIn(memoryTree({ ...all, [`ctx/${name}g`]: text })),
        ]);

        expect(new Set(hashes).size).toBe(5);
      }),
      { numRuns: 50 },
    );
  });
});
