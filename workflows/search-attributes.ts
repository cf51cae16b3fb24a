import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** The typed search attributes of Slipway's workflows; `up` creates them before the first worker. */
export const SLIPWAY_PROJECT = defineSearchAttributeKey('SlipwayProject', SearchAttributeType.KEYWORD);
export const SLIPWAY_LEVEL = defineSearchAttributeKey('SlipwayLevel', SearchAttributeType.INT);
export const SLIPWAY_REVISION = defineSearchAttributeKey('SlipwayRevision', SearchAttributeType.KEYWORD);
export const SLIPWAY_LABEL = defineSearchAttributeKey('SlipwayLabel', SearchAttributeType.KEYWORD);
export const SLIPWAY_IMAGE = defineSearchAttributeKey('SlipwayImage', SearchAttributeType.KEYWORD);
export const SLIPWAY_STATE = defineSearchAttributeKey('SlipwayState', SearchAttributeType.KEYWORD);
export const SLIPWAY_PUSHED_BY = defineSearchAttributeKey('SlipwayPushedBy', SearchAttributeType.KEYWORD);
