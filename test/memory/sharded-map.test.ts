import { describe, expect, it } from 'vitest';
import { ShardedMap } from '../../dist/memory/sharded-map.js';

describe('a sharded map', () => {
  it('holds what a Map would, before, while and after it is divided', () => {
    const map = new ShardedMap<number>();
    const model = new Map<string, number>();
    const keyOf = (index: number) =>
      index % 3 === 0 ? `${index}` : index % 3 === 1 ? `key:${index}:` : `ключ${index}`;
    for (const key of ['', 'x']) {
      map.add(key, 1);
      model.set(key, 1);
    }
    for (let index = 0; index < 100_000; index++) {
      map.add(keyOf(index), index);
      model.set(keyOf(index), index);
      if (index % 4 !== 0) continue;
      const gone = keyOf(index / 2);
      if (model.delete(gone)) map.remove(gone);
    }
    expect(map.size).toBe(model.size);
    for (let index = -1; index <= 100_000; index++)
      expect(map.get(keyOf(index))).toBe(model.get(keyOf(index)));
    expect([...map.values()].sort((a, b) => a - b)).toEqual([...model.values()].sort((a, b) => a - b));
    map.clear();
    expect([map.size, map.get('x'), [...map.values()].length]).toEqual([0, undefined, 0]);
    map.add('x', 2);
    expect(map.get('x')).toBe(2);
  });
});
