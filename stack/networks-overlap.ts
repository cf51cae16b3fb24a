/** Whether two IPv4 networks (`10.1.0.0/16`; without a prefix one address) share an address. */
export function networksOverlap(one: string, other: string): boolean {
  const [a, b] = [parseNetwork(one), parseNetwork(other)];
  const bits = Math.min(a.prefix, b.prefix);
  const shift = 2 ** (32 - bits);
  return Math.floor(a.address / shift) === Math.floor(b.address / shift);
}

function parseNetwork(text: string): { readonly address: number; readonly prefix: number } {
  const [dotted = '', prefix = '32'] = text.split('/');
  const octets = dotted.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet) || octet < 0 || octet > 255)) {
    throw new TypeError(`Not an IPv4 network: ${text}`);
  }
  return { address: octets.reduce((sum, octet) => sum * 256 + octet, 0), prefix: Number(prefix) };
}
