/** One ref of a push, as git tells the post-receive hook. */
export interface ReceivedRef {
  /** Undefined when the ref is new. */
  readonly before: string | undefined;
  /** Undefined when the ref was deleted. */
  readonly revision: string | undefined;
  /** Full ref. */
  readonly ref: string;
}

/** A branch that has arrived, and was not deleted. */
export type ReceivedBranch = ReceivedRef & { readonly revision: string };

export function isBranch(received: ReceivedRef): received is ReceivedBranch {
  return received.revision !== undefined && received.ref.startsWith('refs/heads/');
}

/** Reads the hook's standard input: `<old> <new> <ref>` a line, zeros for none. What is no such line is left out. */
export function parseReceiveLines(text: string): ReceivedRef[] {
  return text.split('\n').flatMap((line) => {
    const [, before, revision, ref] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (\S.*)$/.exec(line) ?? [];
    if (before === undefined || revision === undefined || ref === undefined) return [];
    return [{ before: noneIfZero(before), revision: noneIfZero(revision), ref }];
  });
}

function noneIfZero(id: string): string | undefined {
  return /^0+$/.test(id) ? undefined : id;
}
