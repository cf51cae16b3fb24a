import { expect, it } from '@jest/globals';
import { findLastGround } from '../../../images/stage-grounds.ts';

it.each([
  [
    'the image that it begins with',
    'FROM a AS one\nRUN x\nFROM b\nCOPY --from=one /x /\nCOPY --from=c /y /\n',
    'b',
  ],
  ['the image under the stage that it begins with', 'FROM a AS One\nFROM b AS two\nFROM one\nRUN x\n', 'a'],
  ['through several stages', 'FROM a AS one\nFROM one AS two\nFROM 1\n', 'a'],
  ['with variables', 'ARG V=1\nFROM x\nFROM base:$V\n', 'base:2'],
  ['the parent', 'ARG DOCKER_IMAGE_PARENT\nFROM a AS one\nFROM $DOCKER_IMAGE_PARENT\n', 'the/parent:1'],
  ['nothing', 'FROM a AS one\nFROM scratch\nCOPY --from=one /x /\n', undefined],
  ['nothing, through a stage', 'FROM scratch AS one\nFROM a\nFROM one\n', undefined],
])('Under the last stage is %s', (_, dockerfile, ground) => {
  expect(findLastGround(dockerfile, { args: { V: '2' }, parentReference: 'the/parent:1' })).toBe(ground);
});
