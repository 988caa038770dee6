#!/usr/bin/env bash
# redis-cli over TLS and over the unix socket.
set -euo pipefail
trap 'echo "line $LINENO failed"' ERR
export REDISCLI_AUTH="$SERVER_PASSWORD"
own=(--cert "$SERVER_FILES/client.crt" --key "$SERVER_FILES/client.key")
tls=(redis-cli -h localhost -p "$SERVER_TLS_PORT" --tls --cacert "$SERVER_FILES/ca.crt")
for n in $(seq 1000); do printf 'ZADD board %s player:%s\r\n' "$n" "$n"; done >commands
"${tls[@]}" "${own[@]}" --pipe <commands | grep -q 'errors: 0, replies: 1000'
for cli in "${tls[*]} ${own[*]}" "redis-cli -s $SERVER_FILES/rankd.sock"; do
    test "$($cli ZCARD board)" = 1000
    $cli -3 PING | grep -qx PONG
    $cli --bigkeys | grep -q 'Biggest *zset found .*board.* 1000 members'
done
for version in TLSv1.2 TLSv1.3; do
    test "$("${tls[@]}" "${own[@]}" CONFIG SET tls-protocols "$version")" = OK
    test "$("${tls[@]}" "${own[@]}" PING)" = PONG
done
# Without a certificate, and without TLS.
if "${tls[@]}" PING 2>&1 | grep -qx PONG; then exit 1; fi
{ redis-cli -p "$SERVER_TLS_PORT" PING 2>&1 || true; } | grep -q 'this port is for TLS'
