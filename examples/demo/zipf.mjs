// Chooses which key is read next. Real reads are skewed: a few keys are wanted again and again, most hardly ever. With
// Zipf's law the k-th most popular key is read in proportion to 1 / k^s. The choice is made by rejection-inversion
// (Hörmann and Derflinger, 1996): constant time and no table, for any number of keys. All of it follows from one seed,
// so two runs over the same tree read the same keys in the same order.

/**
 * Small and fast, good enough to choose keys with: Marsaglia's xorshift, 32 bits.
 *
 * @param {number} seed
 * @returns {() => number} a number from 0 up to but not including 1
 */
export function seededRandom(seed) {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Fisher and Yates. The keys are sorted first, since every file system lists a directory in an order of its own.
 *
 * @param {readonly string[]} keys
 * @param {() => number} random
 */
export function shuffled(keys, random) {
  const result = [...keys].sort();
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const key = /** @type {string} */ (result[i]);
    result[i] = /** @type {string} */ (result[j]);
    result[j] = key;
  }
  return result;
}

/**
 * @param {number} count how many ranks there are
 * @param {number} exponent how skewed they are; not 1, where the integral has another form
 * @param {() => number} random
 * @returns {() => number} a rank from 0, the most popular, up to but not including `count`
 */
export function zipfRanks(count, exponent, random) {
  const power = 1 - exponent;
  /** @param {number} x */
  const density = (x) => x ** -exponent;
  /** @param {number} x */
  const integral = (x) => (x ** power - 1) / power;
  /** @param {number} y */
  const inverse = (y) => (1 + y * power) ** (1 / power);

  // Under the density, rank k owns the strip from k - 1/2 to k + 1/2, and the first one a strip of exactly its weight.
  const from = integral(1.5) - 1;
  const to = integral(count + 0.5);
  const sureDistance = 2 - inverse(integral(2.5) - density(2));
  return () => {
    for (;;) {
      const y = to + random() * (from - to);
      const x = inverse(y);
      const rank = Math.min(count, Math.max(1, Math.round(x)));
      // Close to the left of the rank it is right without a look at the curve, which is most of the time.
      if (rank - x <= sureDistance || y >= integral(rank + 0.5) - density(rank)) return rank - 1;
    }
  };
}
