/** @file The article's checkable sentences, sections 1.1 to 4.6, each with its evidence. */
import { methodClaims } from './article-method.ts';
import { processClaims } from './article-process.ts';
import { searchClaims } from './article-search.ts';
import type { Claim } from './ledger.ts';

export const article: readonly Claim[] = [...processClaims, ...methodClaims, ...searchClaims];
