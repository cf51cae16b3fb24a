/** How the name of a tarball of an image ends, wherever somebody names one: an artifact of a task, a file. */
export const TARBALL_NAME = /\.(tar|tar\.gz|tgz|tar\.zst)$/;

/** The same for people. */
export const TARBALL_ENDINGS = '.tar, .tar.gz, .tgz or .tar.zst';
