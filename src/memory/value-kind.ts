/**
 * Which built-in type an object is of, by what it really is and not by what it inherits. The runtime's own checks see
 * through other realms and subclasses, but each is a call out of JavaScript; so the answer is kept with the prototype.
 * An object that borrows a prototype before the first true instance is seen gives all of them its own answer, except
 * for those types whose instances grow large.
 */

import { types } from 'node:util';

export const enum Kind {
  /** A record, an instance of a class, or anything that has only its own properties to count. */
  Instance,
  Map,
  Set,
  Buffer,
  Date,
  RegExp,
  Error,
  Text,
  Opaque,
}

/** What the instances of a prototype are. */
const kinds = new WeakMap<object, Kind>([
  [Map.prototype, Kind.Map],
  [Set.prototype, Kind.Set],
  [ArrayBuffer.prototype, Kind.Buffer],
]);

/** `prototype` is the value's own, and no view's, array's or plain object's. */
export function kindOf(value: object, prototype: object): Kind {
  const known = kinds.get(prototype);
  if (known !== undefined) return known;
  const kind = classify(value);
  if (!types.isProxy(value)) kinds.set(prototype, kind);
  return kind;
}

function classify(value: object): Kind {
  if (types.isMap(value)) return Kind.Map;
  if (types.isSet(value)) return Kind.Set;
  if (types.isAnyArrayBuffer(value)) return Kind.Buffer;
  if (types.isDate(value)) return Kind.Date;
  if (types.isRegExp(value)) return Kind.RegExp;
  if (types.isNativeError(value)) return Kind.Error;
  if (types.isStringObject(value)) return Kind.Text;
  if (types.isBoxedPrimitive(value) || types.isPromise(value)) return Kind.Opaque;
  return Kind.Instance;
}
