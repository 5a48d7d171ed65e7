/** What the maker and the reader of records must agree on: how a payload is made, and the seeds of its fingerprint. */
import type { Codec } from '../codec/codec.js';
import type { Sealer } from '../disk/seal.js';
import type { Serializer } from '../options.js';
import type { ForeignCode } from './foreign-code.js';

export interface PayloadFormat {
  readonly codec: Codec;
  /** The user's own, in place of the codec. */
  readonly serializer: Serializer | undefined;
  readonly foreign: ForeignCode;
  /** Records are encrypted in the file. */
  readonly sealer: Sealer | undefined;
  readonly seedA: number;
  readonly seedB: number;
}
