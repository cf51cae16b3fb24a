import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { errorsPage } from '../../../docs/errors-page.ts';
import { ERRORS } from '../../../model/error-catalog.ts';
import * as errors from '../../../model/errors.ts';

const classes = Object.entries(errors)
  .filter(([, value]) => value.prototype instanceof errors.SlipwayError)
  .map(([name]) => name);

describe('errors', () => {
  it('have a class for each entry of the catalogue and an entry for each class', () => {
    expect(classes.sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('are on the page docs/errors.md as the code has them', async () => {
    const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

    expect(page).toBe(errorsPage());
  });

  it('are known across realms by their mark, with type, name and cause', () => {
    const cause = new Error('root');
    const error = new errors.RepositoryUnavailable('r', 'gone', { cause });

    expect(errors.isSlipwayError(error)).toBe(true);
    expect(errors.isSlipwayError(cause)).toBe(false);
    expect([error.type, error.name, error.retryable, error.cause]).toEqual([
      'RepositoryUnavailable',
      'RepositoryUnavailable',
      true,
      cause,
    ]);
  });

  it('of an engine are tried again only where that can help', () => {
    expect(new errors.EngineRequestFailed('x', 500, 'd').retryable).toBe(true);
    expect(new errors.EngineRequestFailed('x', 404, 'd').retryable).toBe(false);
  });
});
