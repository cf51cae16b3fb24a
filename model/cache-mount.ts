/** The build argument by which BuildKit keeps cache mounts of the same id apart. Where no `ARG` names it, no history and no image has it. */
export const NAMESPACE_ARGUMENT = 'BUILDKIT_CACHE_MOUNT_NS';

/** A cache mount (`RUN --mount=type=cache`), by all that BuildKit knows it by: what it holds is another one's when one of these differs. */
export interface CacheMount {
  /** Its `id`, else its target. */
  readonly id: string;
  /** The build argument {@link NAMESPACE_ARGUMENT}, as its author wrote it. */
  readonly namespace?: string | undefined;
  /** Who owns it while it is empty, and its mode, as written. */
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly mode?: string | undefined;
}

/** A cache mount of a Dockerfile. */
export interface UsedMount extends CacheMount {
  /** Who may use it at once, as written; the default is everybody. */
  readonly sharing?: 'shared' | 'private' | 'locked' | undefined;
  /** The image that the stage begins with which uses it: one that has a shell, most likely. */
  readonly ground: string;
}
