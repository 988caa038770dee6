// A day of a leaderboard through ioredis, with its defaults.
import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import Redis from "ioredis";

const options = { port: Number(process.env.SERVER_PORT), password: process.env.SERVER_PASSWORD };
const client = new Redis(options);
const pipeline = client.pipeline();
for (let number = 0; number < 1000; number++) pipeline.zadd("board", number * 1.5, `player:${number}`);
assert((await pipeline.exec()).every(([error, added]) => error === null && added === 1));
assert.equal(await client.zincrby("board", 2.5, "player:999"), "1501");
assert.deepEqual(await client.zrange("board", 0, 1, "REV", "WITHSCORES"), ["player:999", "1501", "player:998", "1497"]);
assert.equal(await client.zrevrank("board", "player:998"), 1);
assert.equal(await client.zscore("board", "nobody"), null);
await client.sadd("friends:player:1", "player:2", "player:3");
assert((await client.call("FRIENDRANK", "board", "player:1", "TOP", 2)).flat(3).includes("player:3"));

await client.watch("board");
const replies = await client.multi().zadd("board", 7, "player:7").hset("profile", { name: "Seven" }).exec();
assert.deepEqual(replies, [[null, 0], [null, 1]]);
await client.watch("board");
const other = new Redis(options);
await other.zadd("board", 1, "player:1");
assert.equal(await client.multi().zadd("board", 2, "player:1").exec(), null);

const listener = new Redis(options);
const heard = new Promise((resolve) => listener.on("message", (channel, message) => resolve([channel, message])));
await listener.subscribe("news");
assert.equal(await client.publish("news", "hello"), 1);
assert.deepEqual(await heard, ["news", "hello"]);

const job = other.bzpopmin("jobs", 10);
await client.zadd("jobs", 1, "first");
assert.deepEqual(await job, ["jobs", "first", "1"]);
const members = [];
for await (const part of client.zscanStream("board", { count: 100 })) members.push(...part);
assert.equal(members.length, 2000);

// The server is killed; the library connects again, subscribes again, and what was acknowledged is there.
await client.set("kept", "yes");
execSync(process.env.SERVER_RESTART);
assert.equal(await client.get("kept"), "yes");
assert.equal(await client.zcard("board"), 1000);
const again = new Promise((resolve) => listener.on("message", (_, message) => message === "again" && resolve(true)));
while ((await client.publish("news", "again")) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
assert(await again);
for (const connection of [client, other, listener]) connection.disconnect();
