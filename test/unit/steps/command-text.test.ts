import { expect, it } from '@jest/globals';
import { commandText } from '../../../steps/command-text.ts';

it.each<[command: string[] | undefined, entrypoint: string[] | undefined, text: string]>([
  [['sh', '-c', 'echo a'], undefined, 'sh -c "echo a"'],
  [undefined, ['/run.sh'], "the image's own command"],
  [['make', 'all'], ['/run.sh', 'a b'], 'make all as arguments of the image\'s ENTRYPOINT /run.sh "a b"'],
])('What carries out %j in an image with the entrypoint %j is told as %j', (command, entrypoint, text) => {
  expect(commandText({ command }, { ...(entrypoint ? { entrypoint } : {}) })).toBe(text);
});
