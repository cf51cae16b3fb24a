import type Docker from 'dockerode';
import { KIND, LABEL } from '../labels.ts';

/** No other container's name begins so. */
const PREFIX = 'kept-';

/** What the container of a run is called once it is kept: nothing that belongs to the run takes it for the run's any more. */
export function keptName(container: string): string {
  return `${PREFIX}${container}`;
}

/** Whether a container, as an engine lists it, is one that is kept: it never runs again. */
export function isKept({ Names, Labels }: Pick<Docker.ContainerInfo, 'Names' | 'Labels'>): boolean {
  return Labels[LABEL.kind] === KIND.task && Names.some((name) => name.startsWith(`/${PREFIX}`));
}
