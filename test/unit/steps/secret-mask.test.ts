import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SecretMask } from '../../../steps/secret-mask.ts';

const KEY = 'hunter2-and-more';
const PEM = '-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG9w0\nBAQEFAASCAUAwggE8\n-----END KEY-----\n';

/** What comes out when the input comes in pieces, and how much of it was consumed before its end. */
function masked(values: readonly string[], input: Buffer, cuts: readonly number[] = []): string {
  const mask = new SecretMask(values.map((value) => Buffer.from(value)));
  const parts: Buffer[] = [];
  let from = 0;
  for (const to of [...[...cuts].sort((a, b) => a - b), input.byteLength]) {
    parts.push(mask.push(input.subarray(from, to)).text);
    from = to;
  }
  return Buffer.concat([...parts, mask.end().text]).toString();
}
const maskedText = (values: readonly string[], text: string): string => masked(values, Buffer.from(text));

describe('SecretMask', () => {
  it.each([
    ['whole', `key=${KEY}\n`, 'key=***\n'],
    ['twice, one right after the other', `${KEY}${KEY}`, '******'],
    ['beside what only looks like it', 'hunter2-and-mor hunter2', 'hunter2-and-mor hunter2'],
    ['in a URL', `https://${encodeURIComponent(KEY)}@host`, 'https://***@host'],
    ['in hex', Buffer.from(KEY).toString('hex'), '***'],
    ['nowhere', 'nothing of it', 'nothing of it'],
  ])('masks a value %s', (_, text, expected) => {
    expect(maskedText([KEY], text)).toBe(expected);
  });

  it('masks a value of several lines whole, each line of it, and in JSON', () => {
    expect(maskedText([PEM], `a\n${PEM}b`)).toBe('a\n***\nb');
    expect(maskedText([PEM], 'a\nMIIBVgIBADANBgkqhkiG9w0\nb\nBAQEFAASCAUAwggE8')).toBe('a\n***\nb\n***');
    expect(maskedText([PEM], JSON.stringify({ key: PEM }))).toBe('{"key":"***\\n"}');
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'masks base64 of it with %i bytes before, and no part of 8 is left',
    (before) => {
      const encoded = Buffer.from(`${'x'.repeat(before)}${KEY}:and more`).toString('base64');
      const inner = maskedText([KEY], encoded);
      expect(inner).toContain('***');
      const original = Buffer.from(KEY).toString('latin1');
      const decoded = Buffer.from(inner.replace('***', 'AAAA'), 'base64').toString('latin1');
      for (let at = 0; at + 8 <= original.length; at += 1)
        expect(decoded).not.toContain(original.slice(at, at + 8));
    },
  );

  it('masks the lines in which base64 prints a long value', () => {
    const long = Array.from({ length: 40 }, (_, at) => `part ${at} of it`).join('-');
    const encoded = Buffer.from(`${long}\n`).toString('base64');
    const lines = encoded.match(/.{1,76}/g)!;
    expect(maskedText([`${long}\n`], lines.join('\n')).replaceAll(/[*\n=]/g, '').length).toBeLessThan(4);
  });

  it('gives the same wherever the output is cut, also for values that contain or overlap one another', () => {
    const values = ['abababab', 'bababababa', 'aaaaaaaa', 'abababab\nsecond line', 'secondly'];
    const alphabet = fc.constantFrom('a', 'b', 'abababab', '\n', 'second line', 'ly', 'x');
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), fc.array(fc.nat(200)), (words, cuts) => {
        const input = Buffer.from(words.join(''));
        const within = cuts.filter((cut) => cut <= input.byteLength);
        expect(masked(values, input, within)).toBe(masked(values, input));
      }),
    );
  });

  it('goes on in the same way for whoever begins anew after what was consumed', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (first, second) => {
        const input = Buffer.from(`a ${KEY} b ${KEY.slice(0, 9)} c ${KEY}${KEY} d`);
        const mask = new SecretMask([Buffer.from(KEY)]);
        const one = mask.push(input.subarray(0, Math.min(first, input.byteLength)));
        const other = new SecretMask([Buffer.from(KEY)]);
        const cut = one.consumed + Math.min(second, input.byteLength - one.consumed);
        const two = other.push(input.subarray(one.consumed, cut));
        const rest = other.push(input.subarray(cut));
        const text = Buffer.concat([one.text, two.text, rest.text, other.end().text]).toString();
        expect(text).toBe('a *** b hunter2-a c ****** d');
      }),
    );
  });

  it('searches no place twice for the same text, however often one comes', () => {
    const input = Buffer.from(`${KEY} and more of the output\n`.repeat(2_000));
    let searched = 0;
    const indexOf = input.indexOf.bind(input) as (value: Buffer | number, from: number) => number;
    input.indexOf = ((value: Buffer | number, from: number) => {
      const index = indexOf(value, from);
      searched += (index === -1 ? input.byteLength : index) - from;
      return index;
    }) as Buffer['indexOf'];

    const { text } = new SecretMask([Buffer.from(KEY), Buffer.from('another-secret')]).push(input);

    expect(text.toString()).not.toContain(KEY);
    // Each value has about a dozen spellings.
    expect(searched).toBeLessThan(60 * input.byteLength);
  });

  it('holds no more back than a value can be long, and nothing without secrets', () => {
    const mask = new SecretMask([Buffer.from(KEY)]);
    const { consumed } = mask.push(Buffer.from(`${'h'.repeat(1000)}${KEY.slice(0, -1)}`));
    expect(consumed).toBe(1000);
    expect(new SecretMask([]).push(Buffer.from(KEY)).consumed).toBe(KEY.length);
  });
});
