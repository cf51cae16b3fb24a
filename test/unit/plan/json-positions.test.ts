import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { JsonPositions } from '../../../plan/json-positions.ts';
import { readYaml } from '../../../plan/read-yaml.ts';
import type { YamlPath } from '../../../plan/yaml-positions.ts';

const REAL = readFileSync(new URL('../../fixtures/taskgraph/full.json', import.meta.url), 'utf8');
const ODD = `{"a": {}, "b" : [ ], "c":[1 , [2,{"x\\"}{":"\\\\"}], "]"],
  "": {"é\\n": true , "\\u0061": null}, "0": {"1": -1.50e3}
}`;

describe('positions in JSON', () => {
  it.each([
    ['what taskgraph printed', REAL],
    ['odd members', ODD],
  ])('are what YAML says of %s', (_what, text) => {
    const json = new JsonPositions(text);
    // As JSON it would be read by what is tested here.
    const yaml = readYaml(`# YAML\n${text}`, 'a');

    for (const path of pathsOf(JSON.parse(text))) {
      for (const at of ['key', 'value'] as const) {
        const { line, column } = yaml.position(path, at);
        expect([path, at, json.place(path, at)]).toEqual([path, at, { line: line - 1, column }]);
      }
      expect(json.has(path)).toBe(yaml.has(path));
      expect([path, json.writtenAt(path)]).toEqual([path, yaml.writtenAt(path)]);
    }
  });
});

/** Every path there is, and below each one that is not. */
function pathsOf(value: unknown, path: YamlPath = []): YamlPath[] {
  const below = [[...path, 'not there'], path];
  if (Array.isArray(value))
    return [...below, ...value.flatMap((item, index) => pathsOf(item, [...path, index]))];
  if (typeof value !== 'object' || value === null) return below;
  return [...below, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))];
}
