/** A repository as a page of the documentation shows it: its files by their paths. */
export type PageExample = Readonly<Record<string, string>>;

const BLOCK = /^```\w+ (\S+)\n(.*?)^```$/gms;

const WRITTEN = /^cat > (\S+) <<'EOF'\n(.*?)^EOF$/gms;

/**
 * The examples of a page: code blocks that name a file after their language. Each `slipway.yml` begins another example, to which
 * the files after it belong. What names no file is not an example.
 */
export function pageExamples(markdown: string): readonly PageExample[] {
  const examples: Record<string, string>[] = [];
  for (const [, path = '', content = ''] of markdown.matchAll(BLOCK)) {
    if (path === 'slipway.yml') examples.push({});
    const current = examples.at(-1);
    if (!current) throw new Error(`${path} stands before the slipway.yml that it belongs to`);
    current[path] = content;
  }
  return examples;
}

/**
 * The repository that somebody has who types what a page says, where its shell blocks write files by `cat > PATH <<'EOF'`: as it is
 * each time when they have written a `slipway.yml`.
 */
export function typedExamples(markdown: string): readonly PageExample[] {
  const examples: PageExample[] = [];
  let files: PageExample = {};
  for (const [, path = '', content = ''] of markdown.matchAll(WRITTEN)) {
    files = { ...files, [path]: content };
    if (path === 'slipway.yml') examples.push(files);
  }
  return examples;
}
