import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { slipwayVersion } from '../../../workers/slipway-version.ts';

let scratch: ReturnType<typeof scratchDirectory>;
beforeEach(() => {
  scratch = scratchDirectory();
});
afterEach(() => scratch[Symbol.dispose]());

function git(...args: string[]): string {
  const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.invalid'];
  return execFileSync('git', ['-C', scratch.path, ...who, ...args], { encoding: 'utf8', stdio: 'pipe' });
}

it('the version of Slipway is the commit of its checkout', async () => {
  git('init', '--quiet');
  git('commit', '--quiet', '--allow-empty', '--message', 'A change');

  expect(await slipwayVersion(scratch.path)).toBe(git('rev-parse', 'HEAD').slice(0, 12));
});

it('there is none where it is no checkout of its own, or nothing was committed', async () => {
  expect(await slipwayVersion(scratch.path)).toBeUndefined();
  git('init', '--quiet');
  expect(await slipwayVersion(scratch.path)).toBeUndefined();
  git('commit', '--quiet', '--allow-empty', '--message', 'A change');
  const inside = join(scratch.path, 'copied here');
  mkdirSync(inside);
  expect(await slipwayVersion(inside)).toBeUndefined();
});
