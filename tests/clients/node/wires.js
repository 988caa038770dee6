// TLS and the unix socket through ioredis and node-redis: certificates of both ends, and large replies.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Redis from "ioredis";
import { createClient } from "redis";

const [port, password] = [Number(process.env.SERVER_TLS_PORT), process.env.SERVER_PASSWORD];
const file = (name) => readFileSync(`${process.env.SERVER_FILES}/${name}`);
const tls = { ca: file("ca.crt"), cert: file("client.crt"), key: file("client.key") };
const path = `${process.env.SERVER_FILES}/rankd.sock`;
const value = "x".repeat(3_000_000);

for (const options of [{ port, host: "localhost", tls }, { path }]) {
  const client = new Redis({ ...options, password });
  const pipeline = client.pipeline();
  for (let number = 0; number < 1000; number++) pipeline.zadd("board", number, `player:${number}`);
  assert((await pipeline.exec()).every(([error]) => error === null));
  assert.equal(await client.zrevrank("board", "player:998"), 1);
  await client.set("large", value);
  assert.equal(await client.get("large"), value);
  client.disconnect();
}

for (const socket of [{ port, host: "localhost", tls: true, ...tls }, { path }]) {
  for (const RESP of [2, 3]) {
    const client = createClient({ password, socket, RESP });
    await client.connect();
    assert.equal(await client.zCard("board"), 1000);
    assert.equal(await client.get("large"), value);
    await client.close();
  }
}

const stranger = createClient({
  password,
  socket: { port, host: "localhost", tls: true, ca: tls.ca, reconnectStrategy: false },
});
stranger.on("error", () => {});
await assert.rejects(async () => {
  await stranger.connect();
  await stranger.ping();
});
stranger.destroy();
