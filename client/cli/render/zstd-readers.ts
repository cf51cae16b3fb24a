/** Said where a compressed tarball of an image is written or listed: an older engine only says that its header is wrong. */
export const ZSTD_READERS =
  'docker load reads .tar.zst from Docker 23 on; older ones take it by: zstd -dc FILE | docker load, or: slipway image load FILE';
