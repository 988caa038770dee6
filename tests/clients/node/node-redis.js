// A day of a leaderboard through node-redis, in RESP2 and RESP3, and its client-side cache.
import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { createClient } from "redis";

const url = `redis://:${process.env.SERVER_PASSWORD}@127.0.0.1:${process.env.SERVER_PORT}`;

async function day(RESP) {
  const client = createClient({ url, RESP });
  client.on("error", () => {});
  await client.connect();
  await client.flushAll();
  const added = await Promise.all(
    Array.from({ length: 1000 }, (_, number) => client.zAdd("board", { score: number * 1.5, value: `player:${number}` })),
  );
  assert(added.every((count) => count === 1));
  assert.equal(await client.zIncrBy("board", 2.5, "player:999"), 1501);
  assert.deepEqual(await client.zRangeWithScores("board", 0, 1, { REV: true }), [
    { value: "player:999", score: 1501 },
    { value: "player:998", score: 1497 },
  ]);
  assert.equal(await client.zRevRank("board", "player:998"), 1);
  assert.equal(await client.zScore("board", "nobody"), null);
  const replies = await client.multi().zAdd("board", { score: 7, value: "player:7" }).hSet("profile", { name: "Seven" }).exec();
  assert.deepEqual(replies, [0, 1]);
  assert.equal((await client.hGetAll("profile")).name, "Seven");

  const listener = client.duplicate();
  listener.on("error", () => {});
  await listener.connect();
  const heard = new Promise((resolve) => listener.subscribe("news", resolve).then(() => client.publish("news", "hello")));
  assert.equal(await heard, "hello");

  const waiting = client.duplicate();
  waiting.on("error", () => {});
  await waiting.connect();
  const job = waiting.bzPopMin("jobs", 10);
  await client.zAdd("jobs", { score: 1, value: "first" });
  assert.deepEqual(await job, { key: "jobs", value: "first", score: 1 });

  await client.set("kept", "yes");
  waiting.destroy();
  const ready = new Promise((resolve) => client.once("ready", resolve));
  execSync(process.env.SERVER_RESTART);
  await ready;
  assert.equal(await client.get("kept"), "yes");
  assert.equal(await client.zCard("board"), 1000);
  client.destroy();
  listener.destroy();
}

for (const RESP of [2, 3]) await day(RESP);
