import { ContainerStartFailed } from '../../model/errors.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What Docker answers when the user of an image does not exist. */
const CANNOT_RUN = 126;

/**
 * The numbers of a container's user, which is that of its image unless another was asked for (`name`, `uid`, `name:group`, `uid:gid`, or nothing for root).
 *
 * @param readTable reads `/etc/passwd` or `/etc/group` of the image; '' when it has none.
 * @throws {ContainerStartFailed} when it names a user or group that the image has not: it could not start either.
 */
export async function ownerOf(
  user: string,
  readTable: (path: '/etc/passwd' | '/etc/group') => Promise<string>,
): Promise<Owner> {
  const [name = '', group] = user.split(':');
  if (!name && !group) return { uid: 0, gid: 0 };
  if (isNumber(name) && group !== undefined && isNumber(group))
    return { uid: Number(name), gid: Number(group) };
  const [uid, itsGid] = await findUser(name, readTable);
  const gid = group ? await findGroup(group, readTable) : itsGid;
  return { uid, gid };
}

async function findUser(
  name: string,
  readTable: (path: '/etc/passwd') => Promise<string>,
): Promise<[number, number]> {
  const lines = (await readTable('/etc/passwd')).split('\n').map((line) => line.split(':'));
  const line =
    lines.find(([key]) => key === name) ?? lines.find((fields) => isNumber(name) && fields[2] === name);
  if (line) return [Number(line[2]), Number(line[3])];
  if (isNumber(name)) return [Number(name), 0];
  throw new ContainerStartFailed(`the user "${name}" is not in the image's /etc/passwd`, CANNOT_RUN);
}

async function findGroup(group: string, readTable: (path: '/etc/group') => Promise<string>): Promise<number> {
  if (isNumber(group)) return Number(group);
  const lines = (await readTable('/etc/group')).split('\n').map((line) => line.split(':'));
  const line = lines.find(([key]) => key === group);
  if (line) return Number(line[2]);
  throw new ContainerStartFailed(`the group "${group}" is not in the image's /etc/group`, CANNOT_RUN);
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
