#!/usr/bin/env bash
# redis-cli in the modes that operators use. Each must end well and say what it says of a Redis.
set -euo pipefail
trap 'echo "line $LINENO failed"' ERR
export REDISCLI_AUTH="$SERVER_PASSWORD"
cli() { redis-cli -p "$SERVER_PORT" "$@"; }
expect() { # expect PATTERN MODE...: the output of redis-cli in this mode matches.
    local pattern="$1"
    shift
    local output
    output=$(cli "$@" 2>&1) || { printf '%s failed:\n%s\n' "$*" "$output"; exit 1; }
    grep -qE "$pattern" <<<"$output" || { printf '%s says nothing like %s:\n%s\n' "$*" "$pattern" "$output"; exit 1; }
}
for n in $(seq 1000); do printf 'ZADD board %s player:%s\r\nSET key:%s %s\r\n' "$n" "$n" "$n" "$n"; done >commands
cli --pipe <commands | grep -q 'errors: 0, replies: 2000'
expect '^\(integer\) 1000$' --no-raw ZCARD board
expect 'PONG' -3 PING
expect '1\) "player:1000"' --no-raw ZRANGE board 0 0 REV
expect '^key:77$' --scan --pattern 'key:7*'
expect 'Biggest +zset found .*board.* 1000 members' --bigkeys
expect 'Biggest +zset found .*board' --memkeys
expect 'avg|[0-9]' --raw --latency -i 1
stdbuf -oL timeout 3 redis-cli -p "$SERVER_PORT" --stat -i 1 >stat || true
grep -qE '^1001 +' stat || { cat stat; exit 1; }
stdbuf -oL timeout 3 redis-cli -p "$SERVER_PORT" --latency-history -i 1 </dev/null >history || true
printf 'ECHO one\nECHO "two words"\n' | cli | grep -qx 'two words'
expect 'OK' CONFIG SET maxmemory-policy allkeys-lfu
expect 'hot key|Sampled' --hotkeys
