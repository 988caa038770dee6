// redis-lock: one at a time, and the next one when the lock's time is over.
import assert from "node:assert/strict";
import lock from "redis-lock";
import { createClient } from "redis-of-redis-lock";

const url = `redis://:${process.env.SERVER_PASSWORD}@127.0.0.1:${process.env.SERVER_PORT}`;
const client = await createClient({ url, legacyMode: false }).connect();
const take = lock(client, 5);
let inside = 0;
let most = 0;
let entered = 0;
await Promise.all(
  Array.from({ length: 20 }, async () => {
    const release = await take("door", 10000);
    inside += 1;
    most = Math.max(most, inside);
    entered += 1;
    await new Promise((resolve) => setTimeout(resolve, 2));
    inside -= 1;
    await release();
  }),
);
assert.deepEqual([most, entered, await client.exists("lock.door")], [1, 20, 0]);
// Who holds it is gone, and does not release it.
await take("gone", 100);
const begun = Date.now();
const release = await take("gone", 10000);
assert(Date.now() - begun >= 80, "it waits for the end of the time");
await release();
await client.disconnect();
