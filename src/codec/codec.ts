/**
 * The built-in codec: every value that structured clone can copy, to bytes and back; a Buffer comes back a Buffer. It
 * is where the time of a fault goes, so it is ours: one tag byte a value, strings of one or two bytes a character, and
 * plain records as the number of their shape and their values.
 */
import type { CodeBuffer } from './code-buffer.js';
import { Decoder } from './decoder.js';
import { Encoder } from './encoder.js';
import type { Likeness } from './likeness.js';
import { Shapes } from './shapes.js';
import { Tag } from './tags.js';

/** Before the content of a value that is a Buffer: no flags, its tag, its length. */
const bufferHeadBytes = 6;

export class Codec {
  /** What the records of a persistent store need to be read. */
  readonly shapes = new Shapes();
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;

  /** @param onInstance Told once of each class whose instances come back as plain objects. */
  constructor(onInstance: (constructorName: string) => void = () => {}) {
    this.#encoder = new Encoder(this.shapes, onInstance);
    this.#decoder = new Decoder(this.shapes);
  }

  /**
   * Writes `value` into `target` from `start` on and returns where it ends, or -1 when it does not fit (a few bytes of
   * slack included). Throws what tells that it cannot be cloned.
   */
  encode(value: unknown, target: CodeBuffer, start: number): number {
    return this.#encoder.encode(value, target, start);
  }

  /** What the value that was encoded last costs in memory, bytes, as `sizeOf` has it; NaN = that must be asked. */
  get weight(): number {
    return this.#encoder.weight;
  }

  /** True when `value` encodes to the `length` bytes of `source` from `start` on: nothing is encoded to see it. */
  isBufferIn(source: Buffer, start: number, length: number, value: Buffer): boolean {
    const from = start + bufferHeadBytes;
    return (
      length === bufferHeadBytes + value.length &&
      source[start] === 0 &&
      source[start + 1] === Tag.Buffer &&
      source.readUInt32LE(start + 2) === value.length &&
      source.compare(value, 0, value.length, from, start + length) === 0
    );
  }

  /** The value that lies in `source` from `start` to `end`, with its likeness in `likeness`. Throws ERR_SWAP_CORRUPT. */
  decode(source: CodeBuffer, start: number, end: number, adopt: boolean, likeness?: Likeness): unknown {
    return this.#decoder.decode(source, start, end, adopt, likeness);
  }
}
