// A Map replaced by a SwapStore: the same calls, and memory stays at 16 MiB while the values come to 100 MB.
import { SwapStore } from 'swapstore';

const users = new SwapStore({ maxMemory: 16 * 2 ** 20 }); // was: new Map()

for (let id = 0; id < 100_000; id++) {
  users.set(`user:${id}`, { id, name: `User ${id}`, seen: new Date(), notes: 'x'.repeat(1000) });
  await users.ready(); // lets swapping keep up, off the event loop
}

console.log(users.get('user:42')); // blocks for microseconds if the value is on disk
console.log(await users.load('user:99000')); // or awaits it
console.log(users.size, 'users,', users.stats().residentObjects, 'of them in memory');

await users.close();
