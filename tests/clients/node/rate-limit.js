// rate-limit-redis, the store of express-rate-limit: its scripts count and read in one step.
import assert from "node:assert/strict";
import Redis from "ioredis";
import { RedisStore } from "rate-limit-redis";

const client = new Redis({ port: Number(process.env.SERVER_PORT), password: process.env.SERVER_PASSWORD });
const store = new RedisStore({ sendCommand: (command, ...words) => client.call(command, ...words) });
await store.init({ windowMs: 60000 });
const counted = await Promise.all(Array.from({ length: 50 }, () => store.increment("user")));
assert.deepEqual(
  counted.map((count) => count.totalHits).sort((one, other) => one - other),
  Array.from({ length: 50 }, (_, index) => index + 1),
);
assert(counted.every((count) => count.resetTime > new Date()));
await store.decrement("user");
assert.equal((await store.get("user")).totalHits, 49);
await store.resetKey("user");
assert.equal(await client.exists("rl:user"), 0);
// The server forgets its scripts, and the store brings them again.
await client.script("FLUSH");
assert.equal((await store.increment("user")).totalHits, 1);
client.disconnect();
