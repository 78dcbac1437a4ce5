/** @file What test files import of vitest, for a runtime in which vitest itself does not run: Deno, Firefox. */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  type ExpectStatic,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { restoreAllMocks, spyOn } from '@vitest/spy';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

const check = (value: unknown, message?: string): unknown => chai.expect(value, message);

/** Of what watches functions, the part that the tests of kernels use. */
export const vi: { readonly restoreAllMocks: typeof restoreAllMocks; readonly spyOn: typeof spyOn } = { restoreAllMocks, spyOn };

/** Vitest's own matchers. */
export const expect: ExpectStatic = Object.assign(
  check,
  chai.expect,
  Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT) as object,
) as ExpectStatic;
expect.getState = () => getState(expect);
expect.setState = (state) => setState(state, expect);
// Chai's `extend` takes first what it extends.
(chai.expect as unknown as { extend(of: ExpectStatic, matchers: object): void }).extend(expect, customMatchers);
setState({ assertionCalls: 0, isExpectingAssertions: false }, expect);

const provided = new Map<string, unknown>();

/** What `provide` of vitest's configuration gives. */
export function provide(name: string, value: unknown): void {
  provided.set(name, value);
}

export function inject(name: string): unknown {
  return provided.get(name);
}
