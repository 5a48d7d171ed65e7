// Shows how far the demo is: a bar for a person at a terminal, a line every quarter where there is none (a pipe, a log
// of continuous integration), so that neither fills with control characters. It goes to stderr; stdout is the report's.
import cliProgress from 'cli-progress';

/** @typedef {{ update(doneCount: number, note: string): void, stop(): void }} Progress */

/**
 * @param {string} title
 * @param {number} totalCount
 * @returns {Progress}
 */
export function showProgress(title, totalCount) {
  if (totalCount === 0) return { update() {}, stop() {} }; // nothing to do has no progress
  const show = process.stderr.isTTY && !process.env.CI ? bar : lines;
  const shown = show(title, totalCount);
  return {
    // What was measured before can grow while it is done; then the bar waits at its end.
    update: (doneCount, note) => shown.update(Math.min(doneCount, totalCount), note),
    stop: shown.stop,
  };
}

/**
 * @param {string} title
 * @param {number} totalCount at least 1
 * @returns {Progress}
 */
function bar(title, totalCount) {
  // Ctrl-C has to end the demo: the graceful exit would catch it, so nothing is switched off that needs switching on.
  const shown = new cliProgress.SingleBar(
    {
      format: `${title} {bar} {percentage}%  {note}`,
      barsize: 28,
      autopadding: true,
      linewrap: true,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  shown.start(totalCount, 0, { note: '' });
  return {
    update: (doneCount, note) => shown.update(doneCount, { note }),
    stop: () => shown.stop(),
  };
}

/**
 * @param {string} title
 * @param {number} totalCount at least 1
 * @returns {Progress}
 */
function lines(title, totalCount) {
  let nextQuarter = 1;
  return {
    update(doneCount, note) {
      if (doneCount < (totalCount * nextQuarter) / 4) return;
      const quarter = Math.floor((doneCount / totalCount) * 4);
      nextQuarter = quarter + 1;
      console.error(`${title} ${quarter * 25}%  ${note}`);
    },
    stop() {},
  };
}
