# A day of a leaderboard through redis-rb.
require "redis"

def check(what)
  raise "not so" unless what
end

options = { port: ENV["SERVER_PORT"].to_i, password: ENV["SERVER_PASSWORD"] }
client = Redis.new(**options, reconnect_attempts: 5)
added = client.pipelined { |pipeline| 1000.times { |number| pipeline.zadd("board", number * 1.5, "player:#{number}") } }
check added == [true] * 1000
check client.zincrby("board", 2.5, "player:999") == 1501.0
check client.zrevrange("board", 0, 1, with_scores: true) == [["player:999", 1501.0], ["player:998", 1497.0]]
check client.zrevrank("board", "player:998") == 1
check client.zscore("board", "nobody").nil?
check client.zscan_each("board").count == 1000
replies = client.watch("board") do
  client.multi { |transaction| transaction.zadd("board", 7, "player:7"); transaction.hset("profile", "name", "Seven") }
end
check replies == [false, 1]

listener = Redis.new(**options)
heard = Thread.new do
  message = nil
  listener.subscribe("news") { |on| on.message { |_, text| message = text; listener.unsubscribe } }
  message
end
sleep 0.01 while client.publish("news", "hello").zero?
check heard.value == "hello"

worker = Thread.new { Redis.new(**options).bzpopmin("jobs", timeout: 10) }
client.zadd("jobs", 1, "first")
check worker.value == ["jobs", "first", 1.0]

client.set("kept", "yes")
check system(ENV["SERVER_RESTART"])
check client.get("kept") == "yes"
check client.zcard("board") == 1000
