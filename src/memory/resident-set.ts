/**
 * What is in memory: one Map from key to resident, the bytes they cost, and a policy that knows which of them may
 * leave. A resident is a candidate (the policy has it), or stands aside (pinned, held by `run`, cannot be encoded),
 * or is in flight (its bytes are on their way to the file and it can still come back). The Map has all three.
 *
 * Beside them there may be guests (guests.ts), which are neither candidates nor in the Map.
 *
 * A Map has a largest count of entries, too, which tiny values reach in some 2 GB, or sizes that the user has given far
 * too low: whoever admits an entry asks `isFull` first.
 */
import { assert } from '../errors.js';
import { Guests } from './guests.js';
import { Place, type Policy, type Resident } from './resident.js';
import { ShardedMap } from './sharded-map.js';

export class ResidentSet<E extends Resident> {
  declare readonly policy: Policy<E>;
  readonly #entries = new ShardedMap<E>();
  readonly #guests = new Guests<E>();

  // residentBytes is the sum of the sizes of all that are not in flight, inFlightBytes of those that are;
  // asideBytes is the part of residentBytes that cannot leave now.
  residentBytes = 0;
  inFlightBytes = 0;
  asideBytes = 0;

  readonly #countMax: number;
  /** What a guest costs whose size is 0, as nobody has asked for it; changes nothing here. */
  weigh: (guest: E) => number = () => 0;

  constructor(policy: Policy<E>, countMax: number) {
    this.policy = policy;
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#entries.size + this.#guests.count;
  }

  /** True when the Map can have no more. */
  get isFull(): boolean {
    return this.count >= this.#countMax;
  }

  /** Everything that `maxMemory` bounds. */
  get usedBytes(): number {
    return this.residentBytes + this.inFlightBytes;
  }

  /** What stays in memory unless it is sent off: all that is not in flight, but for guests of turns, which leave by themselves. */
  get stayingBytes(): number {
    return this.residentBytes - this.#guests.ofTurnsBytes;
  }

  get(key: string): E | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined || this.#guests.isEmpty ? entry : this.#guestFor(key);
  }

  /** The same, where nothing is made of it: a guest stays one. */
  look(key: string): E | undefined {
    return this.#entries.get(key) ?? this.#guests.find(key);
  }

  *entries(): IterableIterator<E> {
    yield* this.#entries.values();
    yield* this.#guests.all();
  }

  /** A value comes in as a candidate. */
  admit(entry: E): void {
    this.#entries.add(entry.key, entry);
    this.residentBytes += entry.size;
    this.policy.add(entry);
  }

  /** A value comes in as the guest of a call; with a size of 0 it is not weighed as long as it is one. */
  receive(entry: E): void {
    this.#guests.receiveForCall(entry);
    this.residentBytes += entry.size;
  }

  /** A value comes in as one of the guests of turns. */
  receiveForTurn(entry: E): void {
    this.#guests.receiveForTurn(entry);
    this.residentBytes += entry.size;
  }

  /** The guest of the last call, where there is one; `drop` sees a guest off, `keep` makes it a candidate. */
  get guest(): E | undefined {
    return this.#guests.ofCall;
  }

  /** Those of turns, the oldest first; each may be dropped or kept while they are walked through. */
  guestsOfTurns(): Iterable<E> {
    return this.#guests.ofTurns();
  }

  /** What those of turns cost. */
  get guestsOfTurnsBytes(): number {
    return this.#guests.ofTurnsBytes;
  }

  /** A guest is a candidate from now on. */
  keep(guest: E): void {
    this.#weigh(guest);
    // An accessor of its own may have asked for it.
    if (guest.place !== Place.Guest) return;
    this.#guests.showOut(guest);
    this.#entries.add(guest.key, guest);
    this.policy.add(guest);
  }

  /** A guest that has not been weighed counts from now on. */
  weighGuest(): void {
    if (this.guest !== undefined) this.#weigh(this.guest);
  }

  #weigh(guest: E): void {
    if (guest.size > 0) return;
    // Known for something while it is being weighed, as its accessors may ask for it.
    guest.size = 1;
    this.residentBytes++;
    const size = this.weigh(guest);
    if (guest.place !== Place.Guest) {
      this.resize(guest, size);
      return;
    }
    this.residentBytes += size - 1;
    guest.size = size;
  }

  #guestFor(key: string): E | undefined {
    const guest = this.#guests.find(key);
    if (guest !== undefined) this.keep(guest);
    return guest === undefined ? undefined : this.#entries.get(key);
  }

  /** True for what is in memory and may leave. */
  isCandidate(entry: E): boolean {
    return entry.place === Place.Window || entry.place === Place.Main;
  }

  /** A candidate is to leave, whatever the policy thinks of it: as `takeVictim`. */
  takeOut(entry: E): void {
    this.policy.remove(entry);
  }

  /** A candidate stays from now on. */
  setAside(entry: E): void {
    assert(this.isCandidate(entry), 'only a candidate can be set aside');
    this.policy.remove(entry);
    this.asideBytes += entry.size;
  }

  /** One that stood aside is a candidate again. */
  restore(entry: E): void {
    assert(entry.place === Place.Aside, 'only what stands aside can be restored');
    this.asideBytes -= entry.size;
    this.policy.restore(entry);
  }

  /** The best candidate, taken out of the policy. The caller sends it off, lets it go, or calls `putBack`. */
  takeVictim(): E | undefined {
    const victim = this.policy.takeVictim();
    if (victim !== undefined || this.#guests.isEmpty) return victim;
    for (const guest of this.#guests.all()) this.keep(guest);
    return this.policy.takeVictim();
  }

  /** A victim was not used after all. */
  putBack(entry: E): void {
    this.policy.putBack(entry);
  }

  /** A victim was found to be unable to leave. */
  keepAside(entry: E): void {
    this.asideBytes += entry.size;
  }

  /** A victim is on its way to the file. */
  sendOff(entry: E): void {
    this.residentBytes -= entry.size;
    this.inFlightBytes += entry.size;
  }

  /** One in flight is in memory as before. */
  callBack(entry: E): void {
    this.inFlightBytes -= entry.size;
    this.residentBytes += entry.size;
    this.policy.restore(entry);
  }

  /** One in flight has arrived in the file. */
  letGo(entry: E): void {
    this.inFlightBytes -= entry.size;
    this.#forget(entry);
  }

  /** A victim, taken by `takeVictim`, or a guest, needs no flight. */
  drop(entry: E): void {
    this.residentBytes -= entry.size;
    this.#forget(entry);
  }

  /** An entry goes, whether candidate or aside; one in flight was called back first. */
  remove(entry: E): void {
    if (entry.place === Place.Aside) this.asideBytes -= entry.size;
    else this.policy.remove(entry);
    this.residentBytes -= entry.size;
    this.#forget(entry);
  }

  /**
   * Takes an entry out of the Map, and its value out of the entry. A Map's old table, given up when it grew or was
   * cleaned, still holds all it held, and leads to the next: once the first is old, the collector takes every entry
   * since then for alive until it looks at the old ones, too. So entries must not hold what is large.
   */
  #forget(entry: E): void {
    if (entry.place === Place.Guest) this.#guests.showOut(entry);
    else this.#entries.remove(entry.key);
    entry.value = undefined;
  }

  /** An overwrite changes what an entry costs. */
  resize(entry: E, size: number): void {
    const oldSize = entry.size;
    entry.size = size;
    this.residentBytes += size - oldSize;
    if (entry.place === Place.Aside) this.asideBytes += size - oldSize;
    else this.policy.resized(entry, oldSize);
  }

  clear(): void {
    this.#entries.clear();
    this.#guests.clear();
    this.policy.clear();
    this.residentBytes = 0;
    this.inFlightBytes = 0;
    this.asideBytes = 0;
  }
}
