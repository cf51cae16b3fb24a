/** Puts a shell and the file `/made` below /tmp/root. */
const MAKE_ROOT = `
set -e
mkdir -p /tmp/root /tmp/image && cd /tmp/root
for file in /bin/sh /bin/cat; do
  ldd $file | grep -o '/[^ ]*' | while read -r library; do mkdir -p .$(dirname $library); cp -L $library .$library; done
  mkdir -p ./bin && cp -L $file .$file
done
echo "$SAYS" > made
`;

/**
 * A script for a Debian container that makes the tarball of an image by hand, as a tool of its own would: one layer with a
 * shell and the file `/made`. Besides it leaves a tarball that was cut.
 */
export const MAKE_IMAGE_SCRIPT = `${MAKE_ROOT}
head -c 5000000 /dev/urandom > bulk
cd /tmp/image
tar --create --file layer.tar --directory /tmp/root .
diff_id=sha256:$(sha256sum layer.tar | cut -d ' ' -f 1)
printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' $diff_id > config.json
printf '[{"Config":"config.json","RepoTags":["made:1"],"Layers":["layer.tar"]}]' > manifest.json
tar --create --gzip --file /image.tar.gz config.json layer.tar manifest.json
tar --create config.json manifest.json | head -c 1000 > /cut.tar
`;

/** The same as `/image.tar`, plain, with two large layers one after the other, of so many bytes and some more. */
export function makeLayeredImageScript(firstBytes: number, secondBytes: number): string {
  return `${MAKE_ROOT}
head -c ${firstBytes} /dev/urandom > bulk
mkdir /tmp/more && head -c ${secondBytes} /dev/urandom > /tmp/more/more
cd /tmp/image
tar --create --file one.tar --directory /tmp/root .
tar --create --file two.tar --directory /tmp/more .
id() { echo sha256:$(sha256sum $1 | cut -d ' ' -f 1); }
printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["%s","%s"]}}' $(id one.tar) $(id two.tar) > config.json
printf '[{"Config":"config.json","RepoTags":["made:1"],"Layers":["one.tar","two.tar"]}]' > manifest.json
tar --create --file /image.tar config.json one.tar two.tar manifest.json
`;
}
