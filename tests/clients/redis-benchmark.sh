#!/usr/bin/env bash
# redis-benchmark with all of its default tests that rankd has commands for, and a pipeline.
set -euo pipefail
output=$(redis-benchmark -p "$SERVER_PORT" -a "$SERVER_PASSWORD" -n 2000 -c 20 -q 2>&1)
! grep -iE 'error|fail' <<<"$output" || { echo "$output"; exit 1; }
for test in PING_INLINE SET GET INCR LPUSH RPOP SADD HSET SPOP ZADD ZPOPMIN 'LRANGE_600' 'MSET'; do
    grep -q "^$test" <<<"$(tr '\r' '\n' <<<"$output")" || { echo "no result for $test"; echo "$output"; exit 1; }
done
redis-benchmark -p "$SERVER_PORT" -a "$SERVER_PASSWORD" -n 20000 -P 16 -q -t zadd,get >/dev/null
