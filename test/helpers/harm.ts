import { open, rm, truncate } from 'node:fs/promises';

/** What can befall a file behind the server's back. */
export const HARM = {
  changed: async (path: string): Promise<void> => {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
    await file.close();
  },
  truncated: (path: string): Promise<void> => truncate(path, 100),
  missing: (path: string): Promise<void> => rm(path),
};
