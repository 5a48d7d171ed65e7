/** Makes a history that fails as short as it can, by leaving out steps that it fails without (Zeller's delta debugging). */
import { Failure, runHistory, type Script } from './history.js';

/** Histories that are tried at most. */
const triesMax = 2000;

async function fails(script: Script): Promise<boolean> {
  try {
    await runHistory(script);
    return false;
  } catch (error) {
    if (error instanceof Failure) return true;
    throw error;
  }
}

/** The steps that are left of a history that fails. */
export async function shrink(script: Script): Promise<number[]> {
  let steps = [...script.steps];
  let tries = 0;
  for (let length = Math.ceil(steps.length / 2); ; length = Math.ceil(length / 2)) {
    for (let from = 0; from < steps.length && tries < triesMax; ) {
      const fewer = [...steps.slice(0, from), ...steps.slice(from + length)];
      tries++;
      if (await fails({ ...script, steps: fewer })) steps = fewer;
      else from += length;
    }
    if (length <= 1 || tries >= triesMax) return steps;
  }
}
