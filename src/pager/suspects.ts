/**
 * Which records may not be on the disk, although they can be read. When a sync fails, many systems forget what they could
 * not write, say so once, and let the next sync succeed: so what was written before one that failed is written again,
 * elsewhere.
 *
 * The life of a slot here: logged -> syncing -> synced, which is the end; or, where the flush fails, -> suspect -> written
 * again and logged anew.
 */
export class Suspects {
  // Slots that were logged since the swap file was last synced, and those that the flush under way is about to sync.
  #unsynced: number[] = [];
  #syncing: number[] = [];
  /** Slots whose records may not have reached the disk. */
  readonly #slots: number[] = [];
  /** How often a flush has failed. */
  failures = 0;
  #areAbout = false;

  /** The record of a slot has been written. */
  logged(slot: number): void {
    this.#unsynced.push(slot);
  }

  /** The swap file is about to be synced. */
  syncs(): void {
    this.#syncing = this.#unsynced;
    this.#unsynced = [];
  }

  synced(): void {
    this.#syncing.length = 0;
  }

  /** The flush has failed; what was logged while it synced may have been written before the sync gave up. */
  failed(): void {
    this.failures++;
    this.#areAbout = true;
    for (const slots of [this.#syncing, this.#unsynced])
      for (const slot of slots.splice(0)) this.#slots.push(slot);
  }

  /** All slots are gone. */
  clear(): void {
    for (const slots of [this.#syncing, this.#unsynced, this.#slots]) slots.length = 0;
  }

  /** True from a flush that failed until all that it left in doubt has been written again. */
  get areAbout(): boolean {
    return this.#areAbout;
  }

  /** All that was in doubt has been written again, or is known not to be there any more. */
  written(): void {
    this.#areAbout = false;
  }

  get isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /** Has `writeAgain` called for each; one for which it throws stays, with those after it. */
  clearUp(writeAgain: (slot: number) => void): void {
    for (; this.#slots.length > 0; this.#slots.pop()) writeAgain(this.#slots.at(-1)!);
  }
}
