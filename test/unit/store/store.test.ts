import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { describeStore } from '../../helpers/store-contract.ts';

const objects = createMemoryObjectStore();

describeStore('over memory', () => objects);
