import { CONTEXT_LIST } from '../model/pure/artifact-names.ts';
import type { Level } from '../model/pure/ids.ts';
import { LEVELS } from '../model/pure/ids.ts';
import { PROBES_PREFIX, UPLOADS_PREFIX } from './keys.ts';

/** Whose keys have which part: names of users as the S3 server knows them. */
export interface Principals {
  /** Reads everything; may add a ref to a push that is resolved. */
  readonly client: string;
  readonly levels: Readonly<Record<Level, string>>;
}

interface Statement {
  readonly Effect: 'Allow';
  readonly Principal: { readonly AWS: readonly string[] };
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': readonly string[] } };
}

export interface BucketPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

const READ = ['s3:GetObject'];
const ADD = [...READ, 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
const DELETE = ['s3:DeleteObject'];

const TOP_LEVEL = Math.max(...LEVELS) as Level;

/**
 * The policy of a bucket whose levels have keys of their own: each writes below `level-<L>/`, adds blobs, and reads of the levels
 * above only what is shared with it: index, layers, and what images were built from. The highest one collects the blobs, and so reads what all levels reach. What is not allowed here is refused. Kept short: a server over ext4
 * has less than 4 kB for it.
 */
export function bucketPolicy(bucket: string, { client, levels }: Principals): BucketPolicy {
  const arn = `arn:aws:s3:::${bucket}`;
  const allow = (
    users: readonly string[],
    actions: readonly string[],
    patterns: readonly string[],
  ): Statement => ({
    Effect: 'Allow',
    Principal: { AWS: users },
    Action: actions,
    Resource: patterns.map((pattern) => `${arn}/${pattern}`),
  });
  const inBucket = (users: readonly string[], action: string): Statement => ({
    ...allow(users, [action], []),
    Resource: [arn],
  });
  const workers = LEVELS.map((level) => levels[level]);
  const uploads = `${UPLOADS_PREFIX}*`;
  return {
    Version: '2012-10-17',
    Statement: [
      allow(workers, ADD, ['blobs/*', uploads]),
      allow(workers, DELETE, [uploads]),
      inBucket([...workers, client], 's3:ListBucketMultipartUploads'),
      ...LEVELS.flatMap((level): Statement[] => {
        const own = `level-${level}/*`;
        if (level === TOP_LEVEL)
          return [
            allow([levels[level]], [...ADD, ...DELETE], [own]),
            allow([levels[level]], DELETE, ['blobs/*']),
          ];
        const shared = LEVELS.filter((other) => other > level).flatMap(sharedPatterns);
        return [
          allow([levels[level]], [...ADD, ...DELETE], [own]),
          allow([levels[level]], READ, shared),
          {
            ...inBucket([levels[level]], 's3:ListBucket'),
            Condition: { StringLike: { 's3:prefix': [own, 'blobs/*', uploads, ...shared] } },
          },
        ];
      }),
      allow([client, levels[TOP_LEVEL]], READ, ['*']),
      inBucket([client, levels[TOP_LEVEL]], 's3:ListBucket'),
      allow(
        [client],
        ['s3:PutObject'],
        ['level-*/pushes/*/push.json', 'level-*/pushes-by-day/*', 'level-*/open-pushes/*'],
      ),
      allow([client], ['s3:PutObject', ...DELETE], [`${PROBES_PREFIX}*`]),
    ],
  };
}

/** What a level shows to those below it. */
function sharedPatterns(level: Level): string[] {
  const contexts = `level-${level}/tasks/image/*/${CONTEXT_LIST}`;
  return [`level-${level}/index/*`, `level-${level}/layers/*`, contexts];
}
