/** @file A project that has fast-check, against the entry points that draw from it. */
import { checkGrads } from 'reparam/testing';
export const check: typeof checkGrads = checkGrads;
