import type Docker from 'dockerode';

/** For a question, and for the kill that a cancel waits for. */
const ANSWER_MS = 30_000;
/** For what makes, starts, ends or removes something: that takes its time on a busy machine. */
const WORK_MS = 120_000;
/** For what an engine walks through all of its files. */
const WALK_MS = 300_000;
const WALKS = ['/system/df', '/build/prune'];

/**
 * Lets no request wait for ever for an engine that hangs, whose connections stay open: one without a signal of its own fails
 * after a time as one whose connection timed out. Answers that are read as streams are their readers' business.
 */
export function limitSilence(
  { modem }: Docker,
  limits: { readonly answerMs?: number; readonly workMs?: number; readonly walkMs?: number } = {},
): void {
  const { answerMs = ANSWER_MS, workMs = WORK_MS, walkMs = WALK_MS } = limits;
  const dial = modem.dial.bind(modem);
  modem.dial = (options, done = () => undefined) => {
    if (options.abortSignal || options.isStream) return dial(options, done);
    const isWalk = WALKS.some((path) => options.path.startsWith(path));
    const isQuick = options.method === 'GET' || options.method === 'HEAD' || options.path.includes('/kill');
    const limitMs = isWalk ? walkMs : isQuick ? answerMs : workMs;
    const giveUp = new AbortController();
    let isOver = false;
    // Once only: an answer that breaks off in its body is told by nobody else.
    const end: typeof done = (error, answer) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      done(error, answer);
    };
    const timer = setTimeout(() => {
      end(Object.assign(new Error(`no answer within ${limitMs / 1000} s`), { code: 'ETIMEDOUT' }), null);
      giveUp.abort();
    }, limitMs);
    dial({ ...options, abortSignal: giveUp.signal }, end);
  };
}
