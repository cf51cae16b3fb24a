import type { Begun } from './carry-out-push.ts';
import { cancelTasks, takeBackImages } from './push-children.ts';

/**
 * Ends tasks that somebody has cancelled or whose time is over before they have begun; those that have begun are asked to cancel
 * and answer themselves. An image that no task waits for any more is taken back: others may still want its build.
 */
export async function endWaiting(running: Begun): Promise<void> {
  const { input, pushId, requests, later, graph, images, deadlines } = running;
  const named = requests.takeCancels();
  // Nor do they run again that were to.
  for (const label of named) later.delete(label);
  const late = deadlines.takeLate();
  if (named.length === 0 && late.length === 0) return;
  const begun = named.filter((label) => graph.isOpen(label));
  graph.giveUpWaiting([...named.map((label) => ({ label, reason: 'canceled' as const })), ...late]);
  // What depends on them falls before it is asked what is still needed.
  graph.takeReady(0);
  const unneeded = images.takeBackUnneeded(graph.imagesOf(graph.unresolvedLabels));
  await cancelTasks(begun, { push: input, pushId });
  await takeBackImages(unneeded, pushId);
}
