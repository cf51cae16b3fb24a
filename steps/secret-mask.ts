/** What stands in a log instead of a secret. */
export const MASK = '***';

/** Shorter texts turn up by chance; what would mask them would spoil the log and still tell where they are. */
export const MIN_SECRET_BYTES = 8;

/** `base64` breaks its lines here, PEM there. */
const LINE_LENGTHS = [76, 64];

export interface Masked {
  readonly text: Buffer;
  /** How many bytes of the input are in it; the others are held back, since a secret may begin in them. */
  readonly consumed: number;
}

/**
 * Takes secrets out of a stream of output, wherever its chunks are cut: what may be the beginning of a secret is held back until more
 * is known. Whoever begins anew after the bytes that were consumed finds the same secrets.
 */
export class SecretMask {
  /** Longest first: of several that begin at one place the whole value counts, not its first line. */
  readonly #patterns: readonly Buffer[];
  #held = Buffer.alloc(0);

  constructor(values: Iterable<Buffer>) {
    const texts = new Set(
      [...values].flatMap((value) => spellings(value).map((one) => one.toString('latin1'))),
    );
    this.#patterns = [...texts]
      .map((text) => Buffer.from(text, 'latin1'))
      .sort((one, other) => other.byteLength - one.byteLength);
  }

  push(chunk: Buffer): Masked {
    if (this.#patterns.length === 0) return { text: chunk, consumed: chunk.byteLength };
    const input = this.#held.byteLength === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const { text, consumed } = this.#mask(input, { isEnd: false });
    this.#held = Buffer.from(input.subarray(consumed));
    return { text, consumed };
  }

  /** The stream has ended: gives what was held back. */
  end(): Masked {
    const input = this.#held;
    this.reset();
    return this.#mask(input, { isEnd: true });
  }

  /** The stream is read anew from the first byte that was not consumed. */
  reset(): void {
    this.#held = Buffer.alloc(0);
  }

  /** The same for a text that is whole. */
  apply(text: string): string {
    return this.#mask(Buffer.from(text), { isEnd: true }).text.toString();
  }

  #mask(input: Buffer, { isEnd }: { readonly isEnd: boolean }): Masked {
    const parts: Buffer[] = [];
    const next = new Map<Buffer, number>();
    let at = 0;
    let begun = isEnd ? input.byteLength : this.#findBegun(input, at);
    for (;;) {
      const found = this.#findWhole(input, at, next);
      if (begun < at) begun = this.#findBegun(input, at);
      // A secret that has only begun may be a longer one, of which the whole one is a part.
      if (!found || found.index >= begun) {
        parts.push(input.subarray(at, begun));
        return { text: Buffer.concat(parts), consumed: begun };
      }
      parts.push(input.subarray(at, found.index), Buffer.from(MASK));
      at = found.index + found.byteLength;
    }
  }

  /** Where each pattern comes next is kept: no place is searched twice for the same one. */
  #findWhole(
    input: Buffer,
    from: number,
    next: Map<Buffer, number>,
  ): { readonly index: number; readonly byteLength: number } | undefined {
    let first: { readonly index: number; readonly byteLength: number } | undefined;
    for (const pattern of this.#patterns) {
      let index = next.get(pattern) ?? -1;
      if (index < from) {
        const found = input.indexOf(pattern, from);
        index = found === -1 ? Infinity : found;
        next.set(pattern, index);
      }
      if (index < (first?.index ?? Infinity)) first = { index, byteLength: pattern.byteLength };
    }
    return first;
  }

  /** Where the first pattern begins that the input breaks off in. */
  #findBegun(input: Buffer, from: number): number {
    let first = input.byteLength;
    for (const pattern of this.#patterns) {
      const earliest = Math.max(from, input.byteLength - pattern.byteLength + 1);
      for (
        let index = input.indexOf(pattern[0] ?? 0, earliest);
        index !== -1 && index < first;
        index = input.indexOf(pattern[0] ?? 0, index + 1)
      ) {
        const rest = input.subarray(index);
        if (rest.equals(pattern.subarray(0, rest.byteLength))) {
          first = index;
          break;
        }
      }
    }
    return first;
  }
}

/** A value as programs print it: whole, line by line, in base64 wherever it begins there, in a URL, in JSON. */
function spellings(value: Buffer): readonly Buffer[] {
  const trimmed = trimEnd(value);
  const text = trimmed.toString('utf8');
  const lines = text.split(/\r?\n/).map((line) => Buffer.from(line.trim()));
  const encoded = [value, trimmed].flatMap(base64Of);
  // Without the line break at its end: what follows in the log begins a line of its own.
  const all = [
    trimmed,
    ...lines,
    ...encoded.map((one) => Buffer.from(one)),
    Buffer.from(encodeURIComponent(text)),
    Buffer.from(new URLSearchParams([['', text]]).toString().slice(1)),
    Buffer.from(JSON.stringify(text).slice(1, -1)),
    Buffer.from(trimmed.toString('hex')),
  ];
  return all.filter(({ byteLength }) => byteLength >= MIN_SECRET_BYTES);
}

/** What of a value's base64 is the same whatever stands before and after it, with three places where it can begin. */
function base64Of(value: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), value]).toString('base64');
    const first = before === 0 ? 0 : before + 1;
    const last = Math.floor(((before + value.byteLength) * 8) / 6);
    const inner = whole.slice(first, last);
    const broken = LINE_LENGTHS.flatMap((length) =>
      chunks(whole.slice(0, last), length).slice(before ? 1 : 0),
    );
    return [inner, ...broken].flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]);
  });
}

function chunks(text: string, length: number): readonly string[] {
  if (text.length <= length) return [];
  return Array.from({ length: Math.ceil(text.length / length) }, (_, at) =>
    text.slice(at * length, (at + 1) * length),
  );
}

/** Without the line break that editors and `echo` put at an end. */
export function trimEnd(value: Buffer): Buffer {
  let end = value.byteLength;
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end -= 1;
  return value.subarray(0, end);
}
