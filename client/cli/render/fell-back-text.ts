import type { PushDocument } from '../../../model/schema/records.ts';
import { count } from './quantities.ts';

const SHOWN = 3;

/** What moved whole or was made again in a push where less would have done, on one line: how many, and the first of them with the reason. */
export function describeFellBack({ images, tasks }: PushDocument): string | undefined {
  const all = [
    ...images.flatMap(({ name, fellBack }) => (fellBack === undefined ? [] : [[`image ${name}`, fellBack]])),
    ...tasks.flatMap(({ label, runs }) =>
      runs.flatMap(({ fellBack }) => (fellBack === undefined ? [] : [[label, fellBack]])),
    ),
  ];
  if (all.length === 0) return undefined;
  const named = all.slice(0, SHOWN).map(([name, why]) => `${name} (${why})`);
  const rest = all.length > SHOWN ? [`${all.length - SHOWN} more`] : [];
  return `More was moved than needed, ${count(all.length, 'time')}: ${[...named, ...rest].join(', ')}`;
}
