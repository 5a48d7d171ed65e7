// The same numbers in every run and for every side.

/** xorshift32 (Marsaglia); numbers from 0 to below `bound`. */
export function random(seed = 1) {
  let state = seed * 2_654_435_761 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 32) * bound;
  };
}

/** Draws from 0 to count - 1 with Zipf's law, scattered, so that neighbours are not alike in how often they are drawn. */
export function zipf(count, exponent, seed = 1) {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulative[rank] = sum;
  }
  const draw = random(seed);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const shuffle = random(seed + 1);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(shuffle(index + 1));
    [order[index], order[other]] = [order[other], order[index]];
  }
  return () => {
    const at = draw(sum);
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle] < at) low = middle + 1;
      else high = middle;
    }
    return order[low];
  };
}
