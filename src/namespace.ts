/**
 * A namespace: a part of a store with keys of its own, as the seed's databases are. It shares the store's memory, swap
 * file, threads and policy, and ends with it.
 */

import { checkNamespaceName, checkNamespaceOptions, type NamespaceOptions } from './call-options.js';
import type { Engine } from './engine.js';
import { Keyspace } from './keyspace.js';

export class Namespace<V = unknown> extends Keyspace<V> {
  /** As it was given. */
  readonly name: string;

  /** @internal */
  constructor(engine: Engine, name: string, options: NamespaceOptions) {
    checkNamespaceName(name);
    const ttlMs = checkNamespaceOptions(options).ttl ?? engine.pager.core.options.ttl;
    super(engine, engine.open().core.keyspaces.of(name), ttlMs);
    this.name = name;
  }
}
