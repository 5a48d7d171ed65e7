// Bentocache with a first layer that is larger than memory: no network, no second layer needed on one machine.
import { BentoCache, bentostore } from 'bentocache';
import swapStoreDriver from 'swapstore/bentocache';

const bento = new BentoCache({
  default: 'main',
  stores: { main: bentostore().useL1Layer(swapStoreDriver({ maxMemory: 1024 * 1024 })) },
});

let queries = 0;
const userOf = (id) =>
  bento.getOrSet({
    key: `user:${id}`,
    ttl: '10m',
    factory: () => {
      queries++;
      return { id, bio: 'lorem ipsum '.repeat(100) };
    },
  });

for (let round = 0; round < 2; round++) for (let id = 0; id < 3_000; id++) await userOf(id);
console.log((await userOf(42)).bio.length, 'characters;', queries, 'queries for 6001 questions');
await bento.disconnectAll();
