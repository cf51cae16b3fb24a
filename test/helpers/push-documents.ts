import type { PushDocument, PushImage, PushTask } from '../../model/schema/records.ts';

/** A push that runs, with what a test is about. */
export function aPush(over: Partial<PushDocument> = {}): PushDocument {
  return {
    id: 'push/demo/1/0123456789abcdef0123456789abcdef01234567',
    project: 'demo',
    repository: 'file:///srv/git/demo.git',
    ref: 'refs/heads/main',
    revision: '0123456789abcdef0123456789abcdef01234567',
    level: 1,
    state: 'running',
    findings: [],
    received: '2026-01-02T03:04:05.000Z',
    images: [],
    tasks: [],
    ...over,
  };
}

export function anImage(over: Partial<PushImage> = {}): PushImage {
  return {
    name: 'lint',
    contextHash: 'c0',
    imageHash: 'abcdef0123456789',
    taskId: 'image/demo/1/lint/abcdef0123456789',
    outcome: 'pending',
    bytesUploaded: 0,
    why: 'no image of this name was built before',
    ...over,
  };
}

export function aTask(over: Partial<PushTask> = {}): PushTask {
  const label = over.label ?? 'unit';
  return {
    label,
    taskId: `task/demo/1/0123456789abcdef0123456789abcdef01234567/${label}`,
    state: 'unscheduled',
    image: 'lint',
    runs: [],
    ...over,
  };
}

/** A run that ended by itself. */
export function aRun(over: Partial<PushTask['runs'][number]> = {}): PushTask['runs'][number] {
  return {
    run: 0,
    state: 'completed',
    reason: 'completed',
    exitCode: 0,
    phases: { runMs: 1_200 },
    bytesLoaded: 0,
    ...over,
  };
}
