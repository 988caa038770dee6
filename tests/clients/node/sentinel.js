// ioredis finds the master by sentinels, and another one when that has died: commands wait in its queue and go on.
import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { Redis } from "ioredis";

const sentinels = process.env.SENTINELS.split(",").map((place) => {
  const [host, port] = place.split(":");
  return { host, port: Number(port) };
});
const client = new Redis({
  sentinels, name: "mymaster", maxRetriesPerRequest: null, sentinelRetryStrategy: () => 50, retryStrategy: () => 50,
  reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
});
client.on("error", () => {});
for (let round = 0; round < 2; round++) {
  await client.zadd("board", 10.5 + round, `player:${round}`);
  assert((await client.wait(1, 5000)) >= 1);
  execSync(process.env.SERVER_FAIL);
  assert.equal(await client.zincrby("board", 1, `player:${round}`), String(11.5 + round));
  assert.equal((await client.role())[0], "master");
  // Both replicas again, before the next one dies.
  while ((await client.role())[1] === undefined || (await client.role())[2].length < 2) await new Promise((done) => setTimeout(done, 50));
}
assert.equal(await client.zcard("board"), 2);
client.disconnect();
