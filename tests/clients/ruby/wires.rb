# TLS through redis-rb: certificates of both ends, strangers refused, a user of the ACL, and a reconnect after SIGKILL.
require "openssl"
require "redis"

def check(what)
  raise "not so" unless what
end

FILES, PASSWORD = ENV["SERVER_FILES"], ENV["SERVER_PASSWORD"]
PLACE = { host: "localhost", port: ENV["SERVER_TLS_PORT"].to_i, ssl: true, reconnect_attempts: 5 }
SHOWN = {
  cert: OpenSSL::X509::Certificate.new(File.read("#{FILES}/client.crt")),
  key: OpenSSL::PKey.read(File.read("#{FILES}/client.key")),
}

def connect(terms, **credentials)
  Redis.new(**PLACE, **credentials, ssl_params: terms)
end

def refused(terms)
  connect(terms, password: PASSWORD).ping
rescue Redis::CannotConnectError, Redis::ConnectionError, OpenSSL::SSL::SSLError
  nil
else
  raise "served"
end

own = { ca_file: "#{FILES}/ca.crt", **SHOWN }
client = connect(own, password: PASSWORD)
added = client.pipelined { |pipeline| 1000.times { |number| pipeline.zadd("board", number, "player:#{number}") } }
check added == [true] * 1000
check client.zrevrank("board", "player:998") == 1
value = "x" * 3_000_000
client.set("large", value)
check client.get("large") == value

client.call("ACL", "SETUSER", "game", "on", ">secret", "~board*", "+@sortedset")
game = connect(own, username: "game", password: "secret")
check game.zscore("board", "player:7") == 7.0
begin
  game.get("large")
  raise "a user reads what it may not"
rescue Redis::CommandError => error
  check error.message.start_with?("NOPERM")
end

refused({ ca_file: "#{FILES}/ca.crt" })
refused({ ca_file: "#{FILES}/client.crt", **SHOWN })

check system(ENV["SERVER_RESTART"])
check client.zcard("board") == 1000
