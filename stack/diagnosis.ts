/** What `doctor` says about one part. */
export interface Diagnosis {
  readonly part: string;
  readonly ok: boolean;
  readonly version?: string | undefined;
  /** A path or an address. */
  readonly where?: string | undefined;
  /** One sentence without a full stop: what is, or what is wrong. */
  readonly message: string;
  /** What to type or do; only when something is wrong. */
  readonly todo?: string | undefined;
}

/** Makes a diagnosis of a check: what it throws is what is wrong. */
export async function diagnosed(
  part: string,
  todo: string,
  check: () => Promise<Omit<Diagnosis, 'part' | 'ok' | 'todo'>>,
): Promise<Diagnosis> {
  try {
    return { part, ok: true, ...(await check()) };
  } catch (error) {
    return { part, ok: false, message: error instanceof Error ? error.message : String(error), todo };
  }
}
