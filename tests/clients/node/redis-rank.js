// redis-rank: the library's leaderboards, whose ranges around a member and bounded boards are scripts.
import assert from "node:assert/strict";
import Redis from "ioredis";
import { Leaderboard, PeriodicLeaderboard } from "redis-rank";

const client = new Redis({ port: Number(process.env.SERVER_PORT), password: process.env.SERVER_PASSWORD });
const options = { sortPolicy: "high-to-low", updatePolicy: "replace", limitTopN: 0 };
const board = new Leaderboard(client, "board", options);
await board.update(Array.from({ length: 100 }, (_, index) => ({ id: `p${index}`, value: index })));
assert.deepEqual([await board.count(), await board.rank("p99"), await board.score("p7")], [100, 1, 7]);
assert.deepEqual((await board.top(2)).map((entry) => entry.id), ["p99", "p98"]);
assert.deepEqual((await board.bottom(1)).map((entry) => entry.id), ["p0"]);
assert.deepEqual((await board.around("p50", 1)).map((entry) => [entry.id, entry.rank]), [["p51", 49], ["p50", 50], ["p49", 51]]);
await board.updateOne("p0", 1000, "aggregate");
assert.deepEqual(await board.find("p0"), { id: "p0", score: 1000, rank: 1 });
await board.updateOne("p0", 5, "best");
assert.equal(await board.score("p0"), 1000);
await board.remove("p0");
assert.equal(await board.find("p0"), null);
const bounded = new Leaderboard(client, "bounded", { ...options, limitTopN: 10 });
await bounded.update(Array.from({ length: 50 }, (_, index) => ({ id: `p${index}`, value: index })));
assert.deepEqual([await bounded.count(), (await bounded.bottom(1))[0].id], [10, "p40"]);
const daily = new PeriodicLeaderboard(client, "day", { leaderboardOptions: options, cycle: "daily" });
await daily.getLeaderboardNow().updateOne("one", 1);
assert.equal((await daily.getExistingKeys()).length, 1);
client.disconnect();
