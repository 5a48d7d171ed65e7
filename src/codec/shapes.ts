/**
 * The shapes of plain records: a record is written as the number of its shape and its values, and read by a function
 * made for that shape. The table is a tree of keys, walked along a record's own keys in their order, so that finding a
 * shape compares one key a step with the one that came there last.
 *
 * Bounded, as the keys of a record may be data: when the table is full, records of new shapes carry their keys.
 */

import { DATA_NAME_LENGTH_MIN, isIndex, RECORD_BYTES, SLOT_BYTES, stringSize } from '../heap-layout.js';

/** As many as their number has values in the format's two bytes, and less. */
const shapesMax = 4096;
const shapeKeysMax = 128;
const nodesMax = 32_768;
const keyLengthMax = 256;

/** A set of keys in their order. */
export interface Shape {
  readonly number: number;
  readonly keys: readonly string[];
  /** What a record of it costs in memory besides its values, bytes, as sizeOf has it; NaN where that is not known. */
  readonly weight: number;
  /** Records read so far; a reader is made once it pays. */
  reads: number;
  reader: ((source: ValueSource) => object) | undefined;
}

/** What a reader takes its values from. */
export interface ValueSource {
  value(): unknown;
}

/** A place in the tree: the keys on the way to it are the beginning of some record's. */
export class ShapeNode {
  readonly key: string;
  readonly parent: ShapeNode | undefined;
  /** The shape that ends here, if a record had just these keys. */
  shape: Shape | undefined = undefined;
  /** The two children that were taken last, as a record within a record takes turns with it; and all of them. */
  #lastKey: string | undefined = undefined;
  #last: ShapeNode | undefined = undefined;
  #otherKey: string | undefined = undefined;
  #other: ShapeNode | undefined = undefined;
  #children: Map<string, ShapeNode> | undefined = undefined;

  constructor(key: string, parent: ShapeNode | undefined) {
    this.key = key;
    this.parent = parent;
  }

  child(key: string): ShapeNode | undefined {
    if (this.#lastKey === key) return this.#last;
    if (this.#otherKey === key) return this.#other;
    const found = this.#children?.get(key);
    if (found !== undefined) this.#remember(key, found);
    return found;
  }

  add(key: string): ShapeNode {
    const node = new ShapeNode(key, this);
    this.#children ??= new Map();
    this.#children.set(key, node);
    this.#remember(key, node);
    return node;
  }

  #remember(key: string, child: ShapeNode): void {
    this.#otherKey = this.#lastKey;
    this.#other = this.#last;
    this.#lastKey = key;
    this.#last = child;
  }
}

/** A reader pays for itself after so many records. */
const readsBeforeReader = 16;

export class Shapes {
  readonly root = new ShapeNode('', undefined);
  /** By number; some may be missing, lost by an earlier process. */
  readonly #shapes: Array<Shape | undefined> = [];
  #reserved = 0;
  #nodes = 1;
  /** False where the runtime forbids code generation. */
  #mayGenerate = true;

  /** Told of each shape when it is made, before any record of it has been written. */
  onShape: (shape: Shape) => void = () => {};

  *all(): Generator<Shape> {
    for (const shape of this.#shapes) if (shape !== undefined) yield shape;
  }

  /** No shape from this number on has been given to any record. */
  get nextNumber(): number {
    return Math.max(this.#shapes.length, this.#reserved);
  }

  /** Takes a shape over from an earlier process. */
  restore(number: number, keys: readonly string[]): void {
    if (number >= shapesMax || keys.length > shapeKeysMax || this.#shapes[number] !== undefined) return;
    let node: ShapeNode | undefined = this.root;
    for (const key of keys) node = node && (node.child(key) ?? this.#grow(node, key));
    if (node === undefined) return;
    const shape = this.#make(number, keys);
    node.shape ??= shape;
  }

  /** Numbers below this one may be in records of an earlier process, and are not given to new shapes. */
  reserve(nextNumber: number): void {
    this.#reserved = Math.min(Math.max(this.#reserved, nextNumber), shapesMax);
  }

  get(number: number): Shape | undefined {
    return this.#shapes[number];
  }

  /** One step along a record's keys; undefined when the table has no room for it. */
  step(node: ShapeNode, key: string): ShapeNode | undefined {
    const child = node.child(key);
    if (child !== undefined) return child;
    return this.nextNumber >= shapesMax ? undefined : this.#grow(node, key);
  }

  #grow(node: ShapeNode, key: string): ShapeNode | undefined {
    if (this.#nodes >= nodesMax || key.length > keyLengthMax) return undefined;
    this.#nodes++;
    return node.add(key);
  }

  /** The shape of a record whose keys end at `node`; undefined when the table has no room for it. */
  shapeAt(node: ShapeNode): Shape | undefined {
    if (node.shape !== undefined) return node.shape;
    const number = this.nextNumber;
    if (number >= shapesMax) return undefined;
    const keys: string[] = [];
    for (let at = node; at.parent !== undefined; at = at.parent) keys.unshift(at.key);
    if (keys.length > shapeKeysMax) return undefined;
    node.shape = this.#make(number, keys);
    this.onShape(node.shape);
    return node.shape;
  }

  #make(number: number, keys: readonly string[]): Shape {
    const shape = { number, keys, weight: weightOf(keys), reads: 0, reader: undefined };
    while (this.#shapes.length < number) this.#shapes.push(undefined);
    this.#shapes[number] = shape;
    return shape;
  }

  /** The reader of a shape, if it has been read often enough and code may be generated. */
  readerOf(shape: Shape): ((source: ValueSource) => object) | undefined {
    if (shape.reader !== undefined) return shape.reader;
    if (!this.#mayGenerate || ++shape.reads < readsBeforeReader) return undefined;
    try {
      shape.reader = makeReader(shape.keys);
    } catch {
      this.#mayGenerate = false;
    }
    return shape.reader;
  }
}

/** What a record costs besides its values: RECORD_BYTES and a slot for each, and names that are data. */
function weightOf(keys: readonly string[]): number {
  // Keys that are indices are kept elsewhere, and come first.
  if (keys.length > 0 && isIndex(keys[0]!)) return Number.NaN;
  let bytes = RECORD_BYTES + SLOT_BYTES * keys.length;
  for (const key of keys) if (key.length >= DATA_NAME_LENGTH_MIN) bytes += stringSize(key);
  return bytes;
}

/**
 * A function that makes a record by an object literal, which gives it its hidden class at once. Keys are computed
 * (`["key"]`) only for `__proto__`, which in a literal would set the prototype; all are escaped as JSON.
 */
function makeReader(keys: readonly string[]): (source: ValueSource) => object {
  const members = keys.map((key) => {
    const name = JSON.stringify(key)
      .replace(/\u2028/g, '\\u2028')
      .replace(/\u2029/g, '\\u2029');
    return key === '__proto__' ? `[${name}]: source.value()` : `${name}: source.value()`;
  });
  return new Function('source', `return {${members.join(', ')}};`) as (source: ValueSource) => object;
}
