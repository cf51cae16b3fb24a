import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { describeObjectStore } from '../../helpers/object-store-contract.ts';

describeObjectStore('memory', () => createMemoryObjectStore());
