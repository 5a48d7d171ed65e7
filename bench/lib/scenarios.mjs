// Which scenarios there are, in the order in which they are measured, and which of them were asked for.

export const scenarioNames = [
  'hot-get',
  'listening',
  'codec',
  'faulting',
  'set',
  'zipf',
  'batch-get',
  'loads',
  'event-loop',
  'victim',
  'page-search',
  'open-close',
  'reopen',
  'keys',
];

/** The scenarios of `--only`, or those of `byDefault` where it was not given. Ends the process where there is no such. */
export function chooseScenarios(only, byDefault) {
  const unknown = only.filter((name) => !scenarioNames.includes(name));
  if (unknown.length > 0) {
    console.error(`--only ${unknown.join(', ')}: there is no such scenario, but ${scenarioNames.join(', ')}`);
    process.exit(2);
  }
  return only.length > 0 ? scenarioNames.filter((name) => only.includes(name)) : byDefault;
}
