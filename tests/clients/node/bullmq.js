// BullMQ: a queue, a worker and its events; jobs with priorities, delays and attempts, and one that waits for its children.
import assert from "node:assert/strict";
import { FlowProducer, Queue, QueueEvents, Worker } from "bullmq";

const connection = {
  port: Number(process.env.SERVER_PORT),
  password: process.env.SERVER_PASSWORD,
  maxRetriesPerRequest: null,
};
const queue = new Queue("jobs", { connection });
const events = new QueueEvents("jobs", { connection });
await events.waitUntilReady();
const run = async (job) => {
  if (job.name === "stubborn" && job.attemptsMade < 2) throw new Error("not yet");
  if (job.name === "sum") return Object.values(await job.getChildrenValues()).reduce((one, other) => one + other, 0);
  return 2 * job.data.number;
};
const worker = new Worker("jobs", run, { connection, concurrency: 5 });
const result = (job) => job.waitUntilFinished(events, 20000);
const jobs = await queue.addBulk(Array.from({ length: 30 }, (_, number) => ({ name: "double", data: { number } })));
assert.deepEqual(await Promise.all(jobs.map(result)), jobs.map((_, number) => 2 * number));
assert.equal(await result(await queue.add("stubborn", { number: 50 }, { attempts: 3, backoff: 20 })), 100);
assert.equal(await result(await queue.add("double", { number: 7 }, { delay: 100, priority: 2 })), 14);
const flow = new FlowProducer({ connection });
const children = [1, 2, 3].map((number) => ({ name: "double", queueName: "jobs", data: { number } }));
const tree = await flow.add({ name: "sum", queueName: "jobs", children });
assert.equal(await result(tree.job), 12);
const counts = await queue.getJobCounts("completed", "failed", "waiting", "delayed");
assert.deepEqual(counts, { completed: 36, failed: 0, waiting: 0, delayed: 0 });
await worker.close();
await queue.obliterate();
for (const open of [flow, events, queue]) await open.close();
