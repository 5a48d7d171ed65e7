/**
 * Makes payloads smaller, in whichever thread there is work to do, at levels that favour speed. What comes back is not
 * trusted: it is inflated into no more bytes than its record says, and must fill them.
 */
import zlib from 'node:zlib';

/** What was done to a payload after it was encoded; its number in the record. */
export const enum Compression {
  None = 0,
  Deflate = 1,
  Brotli = 2,
  Zstd = 3,
}

export type CompressionName = 'none' | 'deflate' | 'brotli' | 'zstd';

/** The number of each compression in a record. */
export const compressionKinds: Readonly<Record<CompressionName, Compression>> = {
  none: Compression.None,
  deflate: Compression.Deflate,
  brotli: Compression.Brotli,
  zstd: Compression.Zstd,
};

/** Newer runtimes have it; the types are those of the oldest that is supported. */
interface MaybeZstd {
  zstdCompressSync?: (source: Uint8Array) => Buffer;
  zstdDecompressSync?: (source: Uint8Array, options: { maxOutputLength: number }) => Buffer;
}
const { zstdCompressSync, zstdDecompressSync } = zlib as MaybeZstd;

const deflateOptions = { level: 1 };
const brotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };

export function compressionAvailable(name: CompressionName): boolean {
  return name !== 'zstd' || (zstdCompressSync !== undefined && zstdDecompressSync !== undefined);
}

export function compress(kind: Compression, source: Uint8Array): Buffer {
  switch (kind) {
    case Compression.Deflate:
      return zlib.deflateRawSync(source, deflateOptions);
    case Compression.Brotli:
      return zlib.brotliCompressSync(source, brotliOptions);
    case Compression.Zstd:
      return zstdCompressSync!(source);
    default:
      throw new Error(`there is no compression ${kind}`);
  }
}

/** The `rawBytes` bytes that were compressed. Throws when they are more, or fewer, or none. */
export function decompress(kind: Compression, source: Uint8Array, rawBytes: number): Buffer {
  const plain = inflate(kind, source, { maxOutputLength: Math.max(1, rawBytes) });
  if (plain.length !== rawBytes) throw new Error(`${plain.length} bytes came out where ${rawBytes} went in`);
  return plain;
}

function inflate(kind: Compression, source: Uint8Array, bound: { maxOutputLength: number }): Buffer {
  if (kind === Compression.Deflate) return zlib.inflateRawSync(source, bound);
  if (kind === Compression.Brotli) return zlib.brotliDecompressSync(source, bound);
  if (kind === Compression.Zstd && zstdDecompressSync !== undefined) return zstdDecompressSync(source, bound);
  throw new Error(`there is no compression ${kind} here`);
}
