import { describe, expect, it } from 'vitest';
import { compressionKinds } from '../../dist/codec/compression.js';
import {
  checkHeader,
  compressionOf,
  encodingOf,
  headerBytes,
  keyMatches,
  payloadOffset,
  RecordBuffer,
  readKey,
  rewriteHeader,
  writeHeader,
  writeKey,
} from '../../dist/disk/record.js';

/** The format's numbers for how a payload was made. */
const codecEncoding = 0;
const serializerEncoding = 1;

const start = 64;
const payloadBytes = 101;

/** A record of `key` at `start`, on memory that was full of something else. */
function recordOf(
  key: string,
  encoding: 0 | 1 = codecEncoding,
): { target: RecordBuffer; recordBytes: number } {
  const target = new RecordBuffer(new ArrayBuffer(4_096));
  target.bytes.fill(0xa5);
  const keyWord = writeKey(target, start, key, encoding);
  const recordBytes = payloadOffset(keyWord) + payloadBytes;
  writeHeader(target, start, recordBytes, 7, keyWord, payloadBytes, 0x12345678, -1);
  return { target, recordBytes };
}

describe('a record', () => {
  it.each([
    ['', 0],
    ['k', 1],
    ['four', 4],
    ['é'.repeat(31), 31],
    ['é'.repeat(32), 32],
    ['漢', 2],
    ['key 漢字 \ud800', 16],
    [`${'a'.repeat(200)}漢`, 402],
  ])('has its key %j back, in %i bytes', (key, keyBytes) => {
    const { target, recordBytes } = recordOf(key, serializerEncoding);
    const keyWord = target.words[start / 4 + 3]!;
    expect(checkHeader(target, start, recordBytes)).toBe(true);
    expect(readKey(target, start)).toBe(key);
    expect(payloadOffset(keyWord)).toBe(headerBytes + Math.ceil(keyBytes / 4) * 4);
    expect([encodingOf(keyWord), compressionOf(keyWord)]).toEqual([
      serializerEncoding,
      compressionKinds.none,
    ]);
    expect(keyMatches(target, start, key)).toBe(true);
    expect(keyMatches(target, start, `${key}x`)).toBe(false);
    if (key !== '') {
      expect(keyMatches(target, start, `${key.slice(0, -1)}\u0001`)).toBe(false);
      expect(keyMatches(target, start, key.slice(0, -1))).toBe(false);
    }
  });

  it.each(['key', 'clé', '漢字', ''])(
    'is refused when any bit of its header or its key %j has changed',
    (key) => {
      const { target, recordBytes } = recordOf(key);
      const end = payloadOffset(target.words[start / 4 + 3]!);
      const available = target.bytes.length - start;
      for (let bit = 0; bit < end * 8; bit++) {
        const at = start + (bit >>> 3);
        target.bytes[at]! ^= 1 << (bit & 7);
        expect(checkHeader(target, start, available), `bit ${bit}`).toBe(false);
        target.bytes[at]! ^= 1 << (bit & 7);
      }
      expect(checkHeader(target, start, recordBytes)).toBe(true);
    },
  );

  it('is refused when less of it is there than it says, or than a header takes, or than the buffer has', () => {
    const { target, recordBytes } = recordOf('key');
    for (const available of [0, headerBytes - 1, headerBytes, recordBytes - 1, target.bytes.length]) {
      expect(checkHeader(target, start, available)).toBe(false);
    }
    expect(checkHeader(target, start, recordBytes)).toBe(true);
  });

  it.each([
    ['shorter than its key', 3, headerBytes, payloadBytes],
    ['of a negative length', 3, -1, payloadBytes],
    ['of a negative payload', 3, headerBytes + 4 + payloadBytes, -1],
    ['of a payload that does not fill it', 3, headerBytes + 4 + payloadBytes, payloadBytes - 1],
    ['of a key longer than the buffer', 0xffff, headerBytes + 4 + payloadBytes, payloadBytes],
  ])('is refused when it says that it is %s, with a sum that is right', (_what, keyWord, bytes, rawBytes) => {
    const { target } = recordOf('key');
    writeHeader(target, start, bytes, 7, keyWord, rawBytes, 1, 2);
    expect(checkHeader(target, start, target.bytes.length - start)).toBe(false);
  });

  it('stays sound when its payload is compressed, and keeps its key', () => {
    const { target } = recordOf('clé');
    const recordBytes = payloadOffset(target.words[start / 4 + 3]!) + 10;
    rewriteHeader(target, start, recordBytes, compressionKinds.brotli);
    expect(checkHeader(target, start, recordBytes)).toBe(true);
    expect(readKey(target, start)).toBe('clé');
    expect(compressionOf(target.words[start / 4 + 3]!)).toBe(compressionKinds.brotli);
    expect(target.words[start / 4 + 4]).toBe(payloadBytes);
  });

  it('is not begun where its key does not fit', () => {
    const target = new RecordBuffer(new ArrayBuffer(headerBytes + 8));
    expect(writeKey(target, 0, '12345678', codecEncoding)).not.toBe(-1);
    expect(writeKey(target, 0, '123456789', codecEncoding)).toBe(-1);
    expect(writeKey(target, 0, '漢字漢字漢', codecEncoding)).toBe(-1);
  });
});
