import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import type { OpenStore } from '../../../store/open-store.ts';
import { diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { count, formatBytes } from '../render/quantities.ts';

/** So many objects a listing shows in about a second; of more it is only said that there are more. */
const LIMIT = 50_000;

/** What the blobs in the store take: layers, configs and manifests of all images, each once. */
export function lookAtStored({ objects: stored }: Pick<OpenStore, 'objects'>): Promise<Diagnosis> {
  return diagnosed('stored blobs', 'Look into the store', async () => {
    let objects = 0;
    let bytes = 0;
    for await (const { sizeBytes } of stored.list('blobs/sha256/')) {
      objects += 1;
      bytes += sizeBytes;
      if (objects === LIMIT) break;
    }
    const more = objects === LIMIT ? 'more than ' : '';
    return { message: `${more}${count(objects, 'blob')} take ${more}${formatBytes(bytes)}`, bytes };
  });
}
