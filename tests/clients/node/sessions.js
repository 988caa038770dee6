// The session store of Express applications.
import assert from "node:assert/strict";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";

const url = `redis://:${process.env.SERVER_PASSWORD}@127.0.0.1:${process.env.SERVER_PORT}`;
const client = await createClient({ url }).connect();
const store = new RedisStore({ client, prefix: "app:" });
const call = (method, ...words) =>
  new Promise((resolve, reject) => store[method](...words, (error, value) => (error ? reject(error) : resolve(value))));
const session = { cookie: { originalMaxAge: 60000 }, user: "one" };
await call("set", "id1", session);
await call("set", "id2", { ...session, user: "two" });
assert.equal((await call("get", "id1")).user, "one");
assert.equal(await call("get", "none"), undefined ?? null);
await call("touch", "id1", session);
assert((await client.ttl("app:id1")) > 0);
assert.equal(await call("length"), 2);
assert.deepEqual((await call("ids")).sort(), ["id1", "id2"]);
await call("destroy", "id1");
assert.equal((await call("all")).length, 1);
await call("clear");
assert.equal(await call("length"), 0);
client.destroy();
