// redlock: one of twenty at a time, each extends its lock and releases it by scripts.
import assert from "node:assert/strict";
import Redis from "ioredis";
import Redlock from "redlock";

const client = new Redis({ port: Number(process.env.SERVER_PORT), password: process.env.SERVER_PASSWORD });
const redlock = new Redlock([client], { retryCount: 1000, retryDelay: 5, retryJitter: 5 });
let inside = 0;
let most = 0;
await Promise.all(
  Array.from({ length: 20 }, async () => {
    let lock = await redlock.acquire(["door", "window"], 5000);
    lock = await lock.extend(8000);
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 2));
    inside -= 1;
    await lock.release();
  }),
);
assert.equal(most, 1);
assert.equal(await client.exists("door", "window"), 0);
// A lock of somebody else is not released.
await client.set("taken", "by another");
await assert.rejects(new Redlock([client], { retryCount: 0 }).acquire(["taken"], 1000));
assert.equal(await client.get("taken"), "by another");
client.disconnect();
