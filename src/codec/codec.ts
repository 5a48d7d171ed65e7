/**
 * The built-in codec: every value that structured clone can copy, to bytes and back; a Buffer comes back a Buffer. It
 * is where the time of a fault goes, so it is ours: one tag byte a value, strings of one or two bytes a character, and
 * plain records as the number of their shape and their values.
 */
import { Decoder } from './decoder.js';
import { Encoder } from './encoder.js';
import { Shapes } from './shapes.js';

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
  encode(value: unknown, target: Buffer, start: number): number {
    return this.#encoder.encode(value, target, start);
  }

  /** The value that lies in `source` from `start` to `end`. Throws ERR_SWAP_CORRUPT. */
  decode(source: Buffer, start: number, end: number, adopt: boolean): unknown {
    return this.#decoder.decode(source, start, end, adopt);
  }
}
