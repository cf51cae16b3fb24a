import type { StoreRequest } from '../helpers/request-proxy.ts';

/** One write that others can see, and what a process that dies around it leaves to the next one. */
export interface CrashPoint {
  /** As it stands in the table. */
  readonly write: string;
  readonly activity:
    | 'planPush'
    | 'buildImage'
    | 'recordImage'
    | 'claimRun'
    | 'runContainer'
    | 'saveArtifacts'
    | 'recordRun'
    | 'recordPush';
  /** Gives a matcher for one push: some writes are told apart by which of their kind they are. */
  readonly matcher: () => (request: StoreRequest) => boolean;
  /** What the repeat of the activity does when it was written already, and when it was not. */
  readonly repeat: string;
  /** Keys that the repeat may write a second time. */
  readonly mayRewrite: RegExp;
  /** Tried only where all moments are: there is nothing to be seen but that it does no harm. */
  readonly inLane?: true;
}

const NOTHING = /^$/;
const PUSH_KEYS = /\/(pushes|pushes-by-day|open-pushes)\//;

/** In the order in which a push with one image and one task comes by them. */
export const CRASH_POINTS: readonly CrashPoint[] = [
  {
    write: "a push's record",
    activity: 'planPush',
    matcher: () => writing(/\/pushes\/.*\/push\.json$/),
    repeat: 'the record that is there counts; the plan is made from the start',
    mayRewrite: PUSH_KEYS,
  },
  {
    write: 'its entry in the list by day',
    activity: 'planPush',
    matcher: () => writing(/\/pushes-by-day\//),
    repeat: 'created unless it is there',
    mayRewrite: PUSH_KEYS,
  },
  {
    write: "a push's plan",
    activity: 'planPush',
    matcher: () => writing(/\/plan\.json$/),
    repeat: 'made again and replaced whole: nothing was started by it',
    mayRewrite: PUSH_KEYS,
  },
  {
    write: "a chunk of a build's log",
    activity: 'buildImage',
    matcher: () => writing(/\/tasks\/image\/.*\/log\//),
    repeat: 'the log goes on with the next number; the engine has the built layers in its cache',
    mayRewrite: NOTHING,
  },
  {
    write: "the list of a context's files",
    activity: 'buildImage',
    matcher: () => writing(/\/tasks\/image\/.*\/artifacts\/public\/context\.json$/),
    repeat: 'the list that is there counts',
    mayRewrite: NOTHING,
  },
  {
    write: 'a layer of unknown digest, on its way',
    activity: 'buildImage',
    matcher: () => writing(/^uploads\//),
    repeat: 'sent again under another name; what is left is swept',
    mayRewrite: NOTHING,
  },
  {
    write: 'the claim of a layer that has come, should it be there',
    activity: 'buildImage',
    matcher: () =>
      after(1, writing(/^uploads\//), ({ method, key }) => method === 'HEAD' && /^blobs\//.test(key)),
    repeat: 'claimed again: who claims changes nothing that others see but how long a blob stays',
    mayRewrite: NOTHING,
    inLane: true,
  },
  {
    write: 'a layer, under its digest',
    activity: 'buildImage',
    matcher: () => (request) => writing(/^blobs\//)(request) && request.query.has('copySource'),
    repeat: 'a layer that is there is not stored a second time',
    mayRewrite: NOTHING,
  },
  {
    write: 'the note that a layer has come',
    activity: 'buildImage',
    matcher: () => writing(/\/layers\/.*\/sent\//),
    repeat:
      'what is noted is not asked for; an engine that was not told that it has come sends it, and it is not stored a second time',
    mayRewrite: /\/sent\//,
  },
  {
    write: "an image's configuration",
    activity: 'buildImage',
    matcher: () => nth(1, small),
    repeat: 'what the store has is confirmed and not sent',
    mayRewrite: NOTHING,
  },
  {
    write: "an image's manifest",
    activity: 'buildImage',
    matcher: () => nth(2, small),
    repeat: 'what the store has is confirmed and not sent',
    mayRewrite: NOTHING,
  },
  {
    write: 'the index entry',
    activity: 'recordImage',
    matcher: () => writing(/\/index\/.*\/images\//),
    repeat: 'written again with the same content; the image is not built again',
    mayRewrite: /\/index\/|\/artifacts\/public\/logs\//,
  },
  {
    write: "an image's record",
    activity: 'recordImage',
    matcher: () => writing(/\/tasks\/image\/.*\/status\.json$/),
    repeat: 'a run that has its end keeps it',
    mayRewrite: /\/index\/|\/artifacts\/public\/logs\//,
  },
  {
    write: 'the claim of a run',
    activity: 'claimRun',
    matcher: () => writing(/\/claim\.json$/),
    repeat: 'the claim that is there counts, whoever wrote it',
    mayRewrite: NOTHING,
  },
  {
    write: "a task's record: running",
    activity: 'claimRun',
    matcher: () => nth(1, writing(/\/tasks\/task\/.*\/status\.json$/)),
    repeat: 'written again with the same content',
    mayRewrite: NOTHING,
  },
  {
    write: "a chunk of a task's log",
    activity: 'runContainer',
    // The first one is from loading the image; later ones carry output.
    matcher: () => nth(3, writing(/\/tasks\/task\/.*\/log\//)),
    repeat: 'the container is adopted, its output read from the beginning, and what the log has is skipped',
    mayRewrite: NOTHING,
  },
  {
    write: 'an artifact',
    activity: 'saveArtifacts',
    matcher: () => writing(/\/artifacts\/public\/out\.txt$/),
    repeat: 'replaced whole: the container is there until all are saved',
    mayRewrite: /\/artifacts\//,
  },
  {
    write: 'the list of what was saved',
    activity: 'saveArtifacts',
    matcher: () => writing(/\/saved\.json$/),
    repeat: 'the list that is there counts; only the container is removed, or kept',
    mayRewrite: /\/artifacts\//,
  },
  {
    write: 'the whole log as an artifact',
    activity: 'recordRun',
    matcher: () => writing(/\/tasks\/task\/.*\/artifacts\/public\/logs\/live\.log$/),
    repeat: 'the artifact knows its last chunk, so nothing is joined twice',
    mayRewrite: /\/artifacts\/public\/logs\//,
  },
  {
    write: "a task's record: resolved",
    activity: 'recordRun',
    matcher: () => nth(2, writing(/\/tasks\/task\/.*\/status\.json$/)),
    repeat: 'a verdict that stands is left alone; the push is told afterwards',
    mayRewrite: /\/artifacts\/public\/logs\//,
  },
  {
    write: "a push's verdict",
    activity: 'recordPush',
    matcher: () =>
      after(2, writing(/\/tasks\/task\/.*\/status\.json$/), writing(/\/pushes\/.*\/status\.json$/)),
    repeat: 'written again from the same records',
    mayRewrite: NOTHING,
  },
];

function writing(key: RegExp): (request: StoreRequest) => boolean {
  return (request) => request.writes && key.test(request.key);
}

/** Blobs that fit into one request and came with their digest. */
function small(request: StoreRequest): boolean {
  return writing(/^blobs\//)(request) && !request.query.has('copySource');
}

/** The n-th request of a kind, counted from 1. */
function nth(n: number, matches: (request: StoreRequest) => boolean): (request: StoreRequest) => boolean {
  let seen = 0;
  return (request) => matches(request) && (seen += 1) === n;
}

/** The first request of a kind after n of another. */
function after(
  n: number,
  others: (request: StoreRequest) => boolean,
  matches: (request: StoreRequest) => boolean,
): (request: StoreRequest) => boolean {
  let seen = 0;
  return (request) => {
    if (others(request)) seen += 1;
    return seen >= n && matches(request);
  };
}
