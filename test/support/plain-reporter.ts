/** @file A vitest reporter for readers that do not know vitest: one line of counts at the end of a run. */
import type { Reporter } from 'vitest/node';

/** Ends a run with "N passed, N failed, N skipped" alone on a line, for readers that do not know vitest. */
export default class PlainReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, errors) => {
    let passed = 0,
      failed = errors.length,
      skipped = 0;
    for (const m of modules) {
      let n = 0;
      for (const t of m.children.allTests()) {
        n++;
        const s = t.result().state;
        if (s === 'passed') passed++;
        else if (s === 'failed') failed++;
        else if (s === 'skipped') skipped++;
        else failed++; // pending: it never ended
      }
      if (m.errors().length > 0 || (n === 0 && m.state() === 'failed')) failed++;
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  };
}
