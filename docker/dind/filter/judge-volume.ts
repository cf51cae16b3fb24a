import { BodyMistake, fieldsOf, isEmpty, listOf } from './json-body.ts';

/** What the engine takes for the name of a volume; anything else would be a path. */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** The socket itself, which in here is the filter's: what a container gets by it is what the task has. */
const OWN_SOCKETS = ['/var/run/docker.sock', '/run/docker.sock'];

const BIND_OPTIONS = new Set(['', 'ro', 'rw', 'z', 'Z', 'nocopy']);

/** Options of a tmpfs that decide only what it is like; `bind` among them would make it a bind mount. */
const TMPFS_OPTION =
  /^(|(no)?(exec|suid|dev|atime|diratime)|ro|rw|sync|async|relatime|strictatime|defaults|(size|mode|uid|gid|nr_inodes|nr_blocks)=[0-9a-zA-Z%]+)$/;

/** A line of `Binds`: `name:/path[:options]`, or `/path` for a volume without a name. Gives what is refused. */
export function judgeBind(bind: unknown): string | undefined {
  if (typeof bind !== 'string') throw new BodyMistake('a bind is no text');
  const parts = bind.split(':');
  const [source = '', , options = ''] = parts;
  if (parts.length === 1) return undefined;
  if (parts.length > 3) return `mount ${quoted(bind)}`;
  if (!VOLUME_NAME.test(source) && !OWN_SOCKETS.includes(source)) return `bind mount of ${quoted(source)}`;
  const odd = options.split(',').find((option) => !BIND_OPTIONS.has(option));
  return odd === undefined ? undefined : `mount option ${quoted(odd)}`;
}

/** A member of `Mounts`. */
export function judgeMount(mount: unknown): string | undefined {
  const { type, source, volumeoptions, tmpfsoptions, bindoptions } = fieldsOf(mount, 'a mount');
  switch (type) {
    case 'volume':
      if (!isEmpty(source) && !(typeof source === 'string' && VOLUME_NAME.test(source)))
        return `bind mount of ${quoted(source)}`;
      return judgeDriver(fieldsOf(volumeoptions, 'VolumeOptions')['driverconfig']);
    case 'tmpfs':
      return judgeTmpfs(tmpfsoptions);
    case 'image':
      return undefined;
    case 'bind':
      if (!OWN_SOCKETS.includes(String(source))) return `bind mount of ${quoted(source)}`;
      return isEmpty(fieldsOf(bindoptions, 'BindOptions')['propagation']) ? undefined : 'mount propagation';
    default:
      return `mount of type ${quoted(type)}`;
  }
}

/** The options of a member of `Tmpfs`. */
export function judgeTmpfsOptions(options: unknown): string | undefined {
  if (typeof options !== 'string') throw new BodyMistake('options of a tmpfs are no text');
  const odd = options.split(',').find((option) => !TMPFS_OPTION.test(option));
  return odd === undefined ? undefined : `tmpfs option ${quoted(odd)}`;
}

/** The body of `POST /volumes/create`. */
export function judgeVolume(body: unknown): string | undefined {
  const { driver, driveropts, clustervolumespec } = fieldsOf(body, 'the body');
  if (!isEmpty(clustervolumespec)) return 'cluster volumes';
  return judgeLocalVolume(driver, driveropts);
}

function judgeDriver(config: unknown): string | undefined {
  const { name, options } = fieldsOf(config, 'DriverConfig');
  return judgeLocalVolume(name, options);
}

/** Of the local driver only a tmpfs is no way out: `o=bind`, a device or a share on the network is mounted by the engine itself. */
function judgeLocalVolume(driver: unknown, options: unknown): string | undefined {
  if (!isEmpty(driver) && driver !== 'local') return `volume driver ${quoted(driver)}`;
  if (isEmpty(options)) return undefined;
  // The engine reads these names as they are written.
  const { type, o = '', device = '', ...others } = options as Readonly<Record<string, unknown>>;
  const [odd] = Object.keys(others).filter((name) => name !== 'size');
  if (odd !== undefined) return `volume option ${quoted(odd)}`;
  if (isEmpty(type) && isEmpty(o) && isEmpty(device)) return undefined;
  if (type !== 'tmpfs') return `volume of type ${quoted(type)}`;
  if (device !== 'tmpfs' && device !== '') return `volume of device ${quoted(device)}`;
  return judgeTmpfsOptions(o);
}

function judgeTmpfs(options: unknown): string | undefined {
  for (const option of listOf(fieldsOf(options, 'TmpfsOptions')['options'], 'Options')) {
    const refused = judgeTmpfsOptions(listOf(option, 'an option').join('='));
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** As it can stand in a message: short, and on one line. */
export function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 120);
}
