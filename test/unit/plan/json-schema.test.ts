import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { slipwayJsonSchema } from '../../../plan/json-schema.ts';

/** Reads the schema back, as an editor would, and holds values against it. */
const reads = z.fromJSONSchema(slipwayJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);

describe('slipwayJsonSchema', () => {
  it.each([
    [{ version: 1 }],
    [{ version: 1, 'x-note': { any: ['thing'] } }],
    [
      {
        version: 1,
        images: { base: { context: 'a' } },
        tasks: { 'lint/js': { image: { 'in-tree': 'base' } } },
      },
    ],
    [
      {
        version: 1,
        defaults: { image: 'debian' },
        tasks: { a: { command: ['true'], maxRunTime: '1 hour' } },
      },
    ],
  ])('accepts %j', (value) => expect(reads.safeParse(value).success).toBe(true));

  it.each([
    [{}],
    [{ version: 2 }],
    [{ version: 1, jobs: {} }],
    [{ version: 1, images: { base: {} } }],
    [{ version: 1, images: { Base: { context: 'a' } } }],
    [{ version: 1, tasks: { 'a b': {} } }],
    [{ version: 1, tasks: { a: { needs: [] } } }],
    [{ version: 1, tasks: { a: { env: { A: 1 } } } }],
  ])('refuses %j', (value) => expect(reads.safeParse(value).success).toBe(false));

  it('carries descriptions for completion', () => {
    expect(JSON.stringify(slipwayJsonSchema())).toContain('A directory of the tree with a Dockerfile');
  });
});
