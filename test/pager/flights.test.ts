import { describe, expect, it } from 'vitest';
import { Flights } from '../../dist/pager/flights.js';
import { LoadFlight } from '../../dist/pager/load-flight.js';
import type { Stay, Waiter } from '../../dist/wait/waiter.js';
import { seededRandom } from '../support/random.js';

// The names of an enum are gone when it has been compiled.
const [ifWorth, ifRoom, always]: [Stay, Stay, Stay] = [0, 2, 3];

const nobody: Waiter<never> = {
  stay: ifWorth,
  slots: [],
  waitsFor: () => {},
  arrived: () => {},
  failed: () => {},
};

function flightOf(slot: number): LoadFlight {
  return new LoadFlight(slot, `key:${slot}`, 0, 0, 0, 0, 0, nobody, 0);
}

describe('the list of flights', () => {
  it('finds what a Map would, and tells its flights in the order in which they began', () => {
    const flights = new Flights();
    const model = new Map<number, LoadFlight>();
    const random = seededRandom(7);
    for (let step = 0; step < 20_000; step++) {
      // Grows to hundreds and shrinks to none again and again; slots are close together, and far apart.
      const grows = step % 2_000 < 900 ? random() % 4 > 0 : random() % 4 === 0;
      const slot = random() % 2 === 0 ? random() % 512 : (random() % 64) * 65_536;
      const flight = model.get(slot);
      if (grows && flight === undefined) {
        const begun = flightOf(slot);
        flights.add(begun);
        model.set(slot, begun);
      } else if (!grows && model.size > 0) {
        const ended = flight ?? [...model.values()][random() % model.size]!;
        flights.remove(ended);
        model.delete(ended.slot);
      }
      expect(flights.size).toBe(model.size);
      expect(flights.has(slot)).toBe(model.has(slot));
      if (step % 100 > 0) continue;
      expect(flights.inOrder()).toEqual([...model.values()]);
      for (const [known, expected] of model) expect(flights.get(known)).toBe(expected);
    }
  });

  it('is asked of slots that it does not have while it is empty, and while it is not', () => {
    const flights = new Flights();
    expect([flights.has(3), flights.get(3), flights.inOrder()]).toEqual([false, undefined, []]);
    const flight = flightOf(3);
    flights.add(flight);
    expect([flights.has(3), flights.get(3), flights.get(67)]).toEqual([true, flight, undefined]);
    flights.remove(flight);
    expect(() => flights.remove(flight)).toThrow('a flight that ends is in the list');
  });
});

describe('a flight', () => {
  it('tells those who wait in the order in which they came, but for those who have left', () => {
    const told: string[] = [];
    const waiterOf = (name: string, stay: Stay): Waiter<never> => ({
      stay,
      slots: [],
      waitsFor: () => {},
      arrived: (index, value) => told.push(`${name}${index}: ${value}`),
      failed: (error) => told.push(`${name}: ${error}`),
    });
    const [first, second, third] = [waiterOf('a', ifRoom), waiterOf('b', ifWorth), waiterOf('c', always)];
    const flight = new LoadFlight(1, 'key', 0, 0, 0, 0, 0, first, 0);
    flight.join(second, 4);
    flight.join(third, 5);
    flight.join(first, 6);
    flight.join(second, 7);
    expect(flight.stay).toBe(always);
    flight.tell('x', true, undefined);
    expect(told.splice(0)).toEqual(['a0: x', 'b4: x', 'c5: x', 'a6: x', 'b7: x']);
    expect([flight.leave(first), flight.leave(third), flight.isWanted]).toEqual([false, false, true]);
    expect(flight.stay).toBe(ifWorth);
    flight.tell('y', true, undefined);
    expect(told.splice(0)).toEqual(['b4: y', 'b7: y']);
    flight.fail('broken');
    expect(told.splice(0)).toEqual(['b: broken', 'b: broken']);
    expect([flight.leave(second), flight.isWanted]).toEqual([true, false]);
  });
});
