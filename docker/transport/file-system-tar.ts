/** Directories at the top of a root file system, and what Docker puts beside them into each container. */
const OF_FILE_SYSTEMS = ['.dockerenv', 'bin', 'etc', 'usr'];
const OF_IMAGES = ['manifest.json', 'index.json', 'repositories', 'oci-layout', 'blobs'];

/** Thrown for a tar of what a container has on its disk: `docker export` is a common slip for `docker save`. */
export class FileSystemTar extends TypeError {
  constructor(options?: ErrorOptions) {
    super(
      'it holds a file system and no image, as "docker export" writes it; "docker save" writes images',
      options,
    );
  }
}

/** Whether a tar with these names at its top is one of a root file system. */
export function isFileSystem(names: ReadonlySet<string>): boolean {
  return OF_FILE_SYSTEMS.some((name) => names.has(name)) && !OF_IMAGES.some((name) => names.has(name));
}
