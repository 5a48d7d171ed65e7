// What is stored: Buffers, strings and records of about so many bytes, each different, made from its number.

const lorem = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt. ';

function text(index, length) {
  return `${index} `.padEnd(length, lorem);
}

/** A user's record of about `bytes` bytes as JSON, which takes 300 of them for what is not its text. */
function record(index, bytes) {
  return {
    id: index,
    name: `user ${index}`,
    email: `user${index}@example.com`,
    age: index % 90,
    active: index % 2 === 0,
    score: index * 1.5,
    tags: ['alpha', 'beta', `tag${index % 10}`],
    address: { street: `${index} Main Street`, city: 'Springfield', zip: `${10_000 + (index % 89_999)}` },
    bio: text(index, Math.max(10, bytes - 250)),
    createdAt: 1.7e12 + index,
  };
}

/** What the store says that a record of 400 bytes costs in memory, which `zipf` checks; the heap grows by 6% less. */
export const recordEntryBytes = 985;
/** What one takes in an lru-cache, its key and links included: the heap grows by 690 where it was parsed, by 780 where it was set. */
export const recordInLruBytes = 720;

/** As many entries as so much memory holds, one at least. */
export function entriesIn(memoryBytes, entryBytes) {
  return Math.max(1, Math.floor(memoryBytes / entryBytes));
}

export const kinds = {
  Buffer: (index, bytes) => Buffer.alloc(bytes, text(index, 64)),
  string: text,
  record,
};

export function keyOf(index) {
  return `key:${String(index).padStart(8, '0')}`;
}

/** True when `value` is what was stored under this number. Looks at enough of it to tell it from any other. */
export function isRight(kind, value, index, bytes) {
  if (value === undefined || value === null) return false;
  if (kind === 'record') return value.id === index && value.email === `user${index}@example.com`;
  if (kind === 'string') return value.length === bytes && value.startsWith(`${index} `);
  return value.length === bytes && value.subarray(0, 8).toString('latin1') === text(index, 64).slice(0, 8);
}
