/** Knows what each key held when, and from which moment on a flush has promised to keep it. */

/** What a key held from a moment on; undefined when it was not there. */
interface Version {
  readonly moment: number;
  readonly value: string | undefined;
}

export class Oracle {
  #moment = 0;
  readonly #versions = new Map<string, Version[]>();
  /** From here on nothing may be lost. */
  #durableMoment = 0;

  get moment(): number {
    return this.#moment;
  }

  changed(key: string, value: string | undefined): void {
    this.#moment++;
    const versions = this.#versions.get(key) ?? [];
    versions.push({ moment: this.#moment, value });
    this.#versions.set(key, versions);
  }

  current(key: string): string | undefined {
    return this.#versions.get(key)?.at(-1)?.value;
  }

  keys(): IterableIterator<string> {
    return this.#versions.keys();
  }

  /** All that had happened by `moment` is durable. */
  durable(moment: number): void {
    this.#durableMoment = Math.max(this.#durableMoment, moment);
  }

  /** True when a crash may leave `value`: it is what the key held at the last flush, or at some moment after it. */
  allows(key: string, value: string | undefined): boolean {
    const versions = this.#versions.get(key) ?? [];
    const later = versions.filter(({ moment }) => moment > this.#durableMoment);
    const before = versions.findLast(({ moment }) => moment <= this.#durableMoment)?.value;
    return value === before || later.some((version) => version.value === value);
  }

  /** After a crash the store is what it is. */
  adopt(key: string, value: string | undefined): void {
    this.#versions.set(key, [{ moment: 0, value }]);
  }

  /** What it allows now, whatever is changed later. */
  copy(): Oracle {
    const copy = new Oracle();
    copy.#moment = this.#moment;
    copy.#durableMoment = this.#durableMoment;
    for (const [key, versions] of this.#versions) copy.#versions.set(key, [...versions]);
    return copy;
  }

  restart(): void {
    this.#moment = 0;
    this.#durableMoment = 0;
  }
}
