import type { CheckoutForm } from '../model/schema/task.ts';

export const DEFAULT_CHECKOUT = '/src';

const DEFAULT_DEPTH = 1;

/** Where the revision is put; undefined: nowhere. */
export function checkoutPath(form: CheckoutForm = DEFAULT_CHECKOUT): string | undefined {
  if (form === false) return undefined;
  return typeof form === 'string' ? form : (form.path ?? DEFAULT_CHECKOUT);
}

/** What is put there as `.git`; undefined: there is none. */
export function checkoutGit(form: CheckoutForm = false): { readonly depth: number } | undefined {
  if (typeof form !== 'object' || form.git !== true) return undefined;
  return { depth: form.depth ?? DEFAULT_DEPTH };
}
