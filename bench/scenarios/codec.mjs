// A value to bytes and back, without any store: where a fault's time goes.
import { deserialize, serialize } from 'node:v8';
import { Packr } from 'msgpackr';
import { codeBuffer } from '../lib/code-buffer.mjs';
import { perCall } from '../lib/measure.mjs';
import { kinds } from '../lib/values.mjs';

const count = 1000;

const makers = {
  'small record': (index) => ({ id: index, group: index % 7, ok: true, name: `item ${index}` }),
  'flat record': (index) => {
    const { tags: _tags, address: _address, ...flat } = kinds.record(index, 400);
    return flat;
  },
  'nested record': (index) => kinds.record(index, 400),
  numbers: (index) => ({ x: index * 1.1, y: index * 2.2, list: [index, index + 1, index + 0.5, 4] }),
};

async function codecOf(side, dist) {
  if (side === 'swapstore') {
    const { Codec } = await import(new URL('codec/codec.js', dist));
    const codec = new Codec();
    const scratch = codeBuffer(2 ** 16);
    const kept = codeBuffer(2 ** 22);
    let at = 0;
    return {
      encode: (value) => codec.encode(value, scratch, 0),
      keep: (value) => {
        const from = at;
        at = codec.encode(value, kept, from);
        return [from, at];
      },
      decode: ([from, to]) => codec.decode(kept, from, to, false),
    };
  }
  if (side === 'JSON') return { encode: JSON.stringify, keep: JSON.stringify, decode: JSON.parse };
  if (side === 'v8') return { encode: serialize, keep: serialize, decode: deserialize };
  const packr = new Packr(side === 'msgpackr' ? { structuredClone: true, moreTypes: true } : {});
  return {
    encode: (value) => packr.pack(value),
    keep: (value) => Buffer.from(packr.pack(value)),
    decode: (bytes) => packr.unpack(bytes),
  };
}

export default {
  name: 'codec',
  title: 'codec: encode and decode',
  unit: 'ns',
  variants: Object.keys(makers).map((name) => ({ name })),
  sides: () => ['swapstore', 'msgpackr', 'msgpackr, plain', 'JSON', 'v8'],
  async run({ side, variant, ms, dist }) {
    const codec = await codecOf(side, dist);
    const values = Array.from({ length: count }, (_, index) => makers[variant.name](index));
    const kept = values.map((value) => codec.keep(value));
    for (const [index, bytes] of kept.entries()) {
      if (JSON.stringify(codec.decode(bytes)) !== JSON.stringify(values[index]))
        throw new Error('wrong value');
    }
    const encode = await perCall((index) => codec.encode(values[index % count]), ms);
    const decode = await perCall((index) => codec.decode(kept[index % count]), ms);
    return { encode, decode };
  },
};
