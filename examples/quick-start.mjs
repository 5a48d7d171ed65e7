// A Map replaced by a SwapStore: the same calls, while memory stays at 4 MiB however many users there are.
import { SwapStore } from 'swapstore';

const users = new SwapStore({ maxMemory: 4 * 2 ** 20 }); // was: new Map()

for (let id = 0; id < 100_000; id++) {
  users.set(`user:${id}`, {
    id,
    name: `User ${id}`,
    joined: new Date(2024, 0, id),
    roles: new Set(['reader']),
  });
  await users.ready(); // swapping keeps up, off the event loop
}

console.log(users.get('user:42')); // a value on disk is read at once: the call blocks for microseconds
console.log(await users.load('user:99000')); // or awaited, and the event loop keeps turning
console.log(users.size, 'users,', users.stats().residentObjects, 'of them in memory');

await users.close();
