import { MAX_ARGUMENT_BYTES, tooManyBytes } from './argument-size.ts';
import { NAME_PATTERN } from '../model/pure/ids.ts';
import type { ImageDefinition } from '../model/schema/task.ts';
import { checkDuration } from './check-duration.ts';
import type { Draft } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { cycleText, orderGraph } from './graph.ts';
import { shorten } from '../model/shorten.ts';
import { ownValue } from './values.ts';

/** A builder is given the build arguments of an image in the address of its request, of which an engine takes 1 MB with all headers. */
const MAX_ENCODED_ARGS = 256 * 1024;

/** Checks names, contexts, parents and arguments of the image definitions. */
export function checkImages(draft: Draft, list: FindingList): void {
  const images = draft.file.images ?? {};
  for (const name of draft.imageNames) checkName(name, list);
  for (const [name, image] of Object.entries(images)) {
    checkContext(name, image.context, list);
    checkParent(name, image, draft, list);
    checkArgs(name, image, list);
    checkDuration(image['rebuild-after'], ['images', name, 'rebuild-after'], list);
  }
  const { cycles } = orderGraph(Object.keys(images), (name) => {
    const parent = ownValue(images, name)?.parent;
    return parent === undefined || parent === name ? [] : [parent];
  });
  for (const cycle of cycles) {
    list.error(['images', cycle[0] ?? '', 'parent'], `images are each other's parents: ${cycleText(cycle)}`, {
      hint: 'one of them must begin from an image outside',
    });
  }
}

function checkName(name: string, list: FindingList): void {
  if (NAME_PATTERN.test(name)) return;
  list.error(['images', name], `"${shorten(name)}" is no name for an image`, {
    at: 'key',
    hint: 'a name has up to 63 lower-case letters, digits, ".", "_" and "-", and begins with a letter or digit',
  });
}

function checkContext(name: string, context: string, list: FindingList): void {
  const path = ['images', name, 'context'];
  const hint = 'write a directory below the root of the tree, such as docker/lint';
  if (context.startsWith('/')) list.error(path, `context "${shorten(context)}" is absolute`, { hint });
  else if (context.split('/').includes('..'))
    list.error(path, `context "${shorten(context)}" has a segment ".."`, { hint });
}

function checkParent(name: string, { parent }: ImageDefinition, draft: Draft, list: FindingList): void {
  if (parent === undefined) return;
  const path = ['images', name, 'parent'];
  if (parent === name) {
    list.error(path, `image "${name}" is its own parent`, { hint: 'name another image, or leave it out' });
  } else if (!draft.imageNames.has(parent)) {
    list.error(path, `unknown parent image "${shorten(parent)}"`, {
      hint:
        draft.nearest.hint(parent, draft.imageNames) ??
        'a parent is an image under "images"; an image from outside belongs in FROM',
    });
  }
}

function checkArgs(name: string, { args = {}, parent }: ImageDefinition, list: FindingList): void {
  const encoded = encodeURIComponent(JSON.stringify(args)).length;
  if (encoded > MAX_ENCODED_ARGS) {
    list.error(
      ['images', name, 'args'],
      `the build arguments come to ${encoded} characters as they are sent`,
      {
        at: 'key',
        hint: `at most ${MAX_ENCODED_ARGS}, where each that is neither a letter nor a digit may count as three: put long texts into files of the context`,
      },
    );
  }
  for (const [arg, value] of Object.entries(args)) {
    const path = ['images', name, 'args', arg];
    const bytes = tooManyBytes(`${arg}=${value}`);
    if (bytes !== undefined) {
      list.error(path, `the build argument "${shorten(arg)}" has ${bytes} bytes with its name`, {
        hint: `RUN has it as a variable, and no program is started with more than ${MAX_ARGUMENT_BYTES}: put it into a file of the context`,
      });
    }
    if (!/^[A-Za-z_]\w*$/.test(arg)) {
      list.error(path, `"${shorten(arg)}" is no name for a build argument`, {
        at: 'key',
        hint: 'a name has letters, digits and "_", and does not begin with a digit',
      });
    } else if (arg === 'DOCKER_IMAGE_PARENT' && parent !== undefined) {
      list.error(path, '"DOCKER_IMAGE_PARENT" is set by Slipway, since the image has a parent', {
        at: 'key',
        hint: 'leave out the argument, or the parent',
      });
    }
  }
}
