export { image } from './image.ts';
export { push } from './push.ts';
export { task } from './task.ts';
export { settle } from './settle.ts';
export { refresh } from './refresh.ts';
export { gc } from './gc.ts';
