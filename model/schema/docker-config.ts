import { z } from 'zod';

const authSchema = z.object({
  /** `USER:PASSWORD` in base64; counts before the two fields. */
  auth: z
    .string()
    .refine((text) => text === '' || userAndPassword(text) !== undefined, 'expected USER:PASSWORD in base64')
    .optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
export type DockerAuth = z.infer<typeof authSchema>;

const helperSchema = z.string().regex(/^[\w.-]*$/, 'expected NAME of a program docker-credential-NAME');

/** What counts here of the `config.json` of docker's clients; they keep other things in it too. */
export const dockerConfigSchema = z.object({
  auths: z.record(z.string(), authSchema).optional(),
  /** The program that has all credentials, or those of one registry. */
  credsStore: helperSchema.optional(),
  credHelpers: z.record(z.string(), helperSchema).optional(),
});
export type DockerConfig = z.infer<typeof dockerConfigSchema>;

/** What a credential helper prints when it is asked for one. */
export const helperAnswerSchema = z.object({ Username: z.string(), Secret: z.string() });

/** What `auth` stands for; undefined when it is not of that form. A password may have colons. */
export function userAndPassword(auth: string): readonly [string, string] | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(auth)) return undefined;
  const [, user, password] = /^([^:]+):(.*)$/s.exec(Buffer.from(auth, 'base64').toString()) ?? [];
  return user === undefined || password === undefined ? undefined : [user, password.replace(/\0+$/, '')];
}
