import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from '../../stack/cache-directory.ts';

// Halves the time until a verb begins. Only what is imported afterwards is kept there, so everything else is.
enableCompileCache(join(cacheDirectory(process.env), 'compile'));
const { runProcess } = await import('./run-process.ts');
await runProcess(process);
