<?php
// TLS through phpredis: certificates of both ends, strangers refused, a user of the ACL, and a reconnect after SIGKILL.
function check(bool $what): void {
    if (!$what) {
        throw new Exception('not so');
    }
}

$files = getenv('SERVER_FILES');
$believed = ['cafile' => "$files/ca.crt"];
$shown = ['local_cert' => "$files/client.crt", 'local_pk' => "$files/client.key"];

function connect(array $terms, array $credentials): Redis {
    $client = new Redis();
    $client->connect('tls://localhost', (int) getenv('SERVER_TLS_PORT'), 5, null, 0, 5, ['stream' => $terms]);
    check($client->auth($credentials));
    return $client;
}

function refused(array $terms): void {
    try {
        @connect($terms, [getenv('SERVER_PASSWORD')]);
    } catch (RedisException $refused) {
        return;
    }
    throw new Exception('served');
}

$own = $believed + $shown;
$client = connect($own, [getenv('SERVER_PASSWORD')]);
$pipeline = $client->pipeline();
for ($number = 0; $number < 1000; $number++) {
    $pipeline->zAdd('board', $number, "player:$number");
}
check(array_sum($pipeline->exec()) === 1000);
check($client->zRevRank('board', 'player:998') === 1);
$value = str_repeat('x', 3000000);
check($client->set('large', $value) && $client->get('large') === $value);

check($client->rawCommand('ACL', 'SETUSER', 'game', 'on', '>secret', '~board*', '+@sortedset') === true);
$game = connect($own, ['game', 'secret']);
check($game->zScore('board', 'player:7') === 7.0);
try {
    $game->get('large');
    throw new Exception('a user reads what it may not');
} catch (RedisException $denied) {
    check(str_starts_with($denied->getMessage(), 'NOPERM'));
}

refused($believed);
refused(['cafile' => "$files/client.crt"] + $shown);

exec(getenv('SERVER_RESTART'), $output, $status);
check($status === 0);
check(connect($own, [getenv('SERVER_PASSWORD')])->zCard('board') === 1000);
