/** The log of every run, also of an image build. */
export const LIVE_LOG = 'public/logs/live.log';
export const LIVE_LOG_TYPE = 'text/plain; charset=utf-8';

/** The artifact of an image build: a tarball that `docker load` accepts. */
export const IMAGE_TARBALL = 'public/image.tar';

/** The same, compressed. */
export const IMAGE_TARBALL_ZST = 'public/image.tar.zst';

/** What an image was built from: every file of its context by name and content. */
export const CONTEXT_LIST = 'public/context.json';

/** Content type of the record that stands for a directory without a file, which has no other. */
export const EMPTY_DIRECTORY = 'inode/directory';
