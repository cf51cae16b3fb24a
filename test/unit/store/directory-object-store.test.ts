import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createDirectoryObjectStore } from '../../../store/directory-object-store.ts';
import { describeObjectStore } from '../../helpers/object-store-contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describeObjectStore('a directory', () => createDirectoryObjectStore(directory));

describe('an object store in a directory', () => {
  const open = () => createDirectoryObjectStore(directory);

  it('lets one of many processes create an object', async () => {
    const writers = Array.from({ length: 10 }, open);

    const outcomes = await Promise.allSettled(
      writers.map((objects, n) => objects.put('raced/key', Buffer.from(`${n}`), { onlyIf: 'absent' })),
    );

    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await open().get('raced/key'))?.body.toString()).toBe(String(winner));
  });

  it('has the bytes of an object as a file of its name', async () => {
    await open().put('to/be/seen.txt', Buffer.from('seen'));

    expect(readFileSync(join(directory, 'files/to/be/seen.txt'), 'utf8')).toBe('seen');
  });

  it('takes what a killed writer left half-written for nothing, and writes it anew', async () => {
    await mkdir(join(directory, 'files/half'), { recursive: true });
    writeFileSync(join(directory, 'files/half/written'), 'no facts are known of this');
    const objects = open();

    const before = await objects.head('half/written');
    await objects.put('half/written', Buffer.from('whole'), { onlyIf: 'absent' });

    expect(before).toBeUndefined();
    expect((await objects.get('half/written'))?.body.toString()).toBe('whole');
  });

  it('lets an object stand where the directory of others was', async () => {
    const objects = open();
    await objects.put('once/a/b', Buffer.from('x'));
    await objects.delete(['once/a/b']);

    await objects.put('once/a', Buffer.from('y'));

    expect((await objects.get('once/a'))?.body.toString()).toBe('y');
    expect(await objects.head('once/a/b')).toBeUndefined();
  });
});
