// Fills a persistent store in a process of its own, which then closes it or kills itself: <dist> <path> <keys> kill|close
const [dist, path, keys, end] = process.argv.slice(2);
const { SwapStore } = await import(new URL('index.js', dist));
const store = new SwapStore({ path, persist: true, maxMemory: 2 ** 26, maxSwap: 2 ** 35 });
for (let index = 0; index < Number(keys); index++) {
  store.set(`user:${String(index).padStart(15, '0')}`, index);
  if (index % 512 === 0) await store.ready();
}
await store.flush();
if (end === 'kill') process.kill(process.pid, 'SIGKILL');
await store.close();
