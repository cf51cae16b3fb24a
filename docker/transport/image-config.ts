import { z } from 'zod';

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();
const flag = z.boolean().nullish();
const count = z.int().nullish();
const nothing = z.object({}).nullish();
const names = z.record(z.string(), nothing).nullish();
/** As Go reads it. */
const time = z.iso.datetime({ offset: true }).nullish();

const healthcheck = typed({
  Test: texts,
  Interval: count,
  Timeout: count,
  StartPeriod: count,
  Retries: count,
});

/** What containers are made by. */
const settings = typed({
  ...{
    User: text,
    WorkingDir: text,
    Env: texts,
    Cmd: texts,
    Entrypoint: texts,
    Shell: texts,
    OnBuild: texts,
  },
  ...{ Labels: z.record(z.string(), text).nullish(), ExposedPorts: names, Volumes: names },
  ...{ Healthcheck: healthcheck.nullish(), StopSignal: text, StopTimeout: count, ArgsEscaped: flag },
  ...{ Hostname: text, Domainname: text, Image: text, Tty: flag, OpenStdin: flag, StdinOnce: flag },
  ...{ AttachStdin: flag, AttachStdout: flag, AttachStderr: flag, NetworkDisabled: flag },
});

const step = typed({ created: time, created_by: text, author: text, comment: text, empty_layer: flag });

const configSchema = typed({
  os: text,
  architecture: text,
  variant: text,
  'os.version': text,
  author: text,
  created: time,
  config: settings.nullish(),
  container_config: settings.nullish(),
  history: z.array(step).nullish(),
});

/**
 * Refuses the config of an image that no engine would read, since a member is of another type than engines have it; of others nothing is
 * said. Engines say it only when they have all of the image, and of whoever loads it.
 * @throws {TypeError} naming the member.
 */
export function refuseOddConfig(config: Buffer): void {
  const parsed = configSchema.safeParse(JSON.parse(config.toString('utf8')));
  if (!parsed.success) throw new TypeError(`not an image config: ${z.prettifyError(parsed.error)}`);
}

/** An object with members of these types, where it has them: whatever their case, as Go takes them. */
function typed(members: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const schemas = new Map(Object.entries(members).map(([name, schema]) => [name.toLowerCase(), schema]));
  return z.record(z.string(), z.unknown()).superRefine((value, context) => {
    for (const [name, member] of Object.entries(value))
      for (const { message, path } of schemas.get(name.toLowerCase())?.safeParse(member).error?.issues ?? [])
        context.addIssue({ code: 'custom', message, path: [name, ...path] });
  });
}
