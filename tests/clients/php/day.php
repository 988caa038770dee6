<?php
// A day of a leaderboard through phpredis.
function check(bool $what): void {
    if (!$what) {
        throw new Exception('not so');
    }
}

function connect(): Redis {
    $client = new Redis();
    $client->connect('127.0.0.1', (int) getenv('SERVER_PORT'));
    check($client->auth(getenv('SERVER_PASSWORD')));
    return $client;
}

$client = connect();
$pipeline = $client->pipeline();
for ($number = 0; $number < 1000; $number++) {
    $pipeline->zAdd('board', $number * 1.5, "player:$number");
}
check(array_sum($pipeline->exec()) === 1000);
check($client->zIncrBy('board', 2.5, 'player:999') === 1501.0);
check($client->zRevRange('board', 0, 1, true) === ['player:999' => 1501.0, 'player:998' => 1497.0]);
check($client->zRevRank('board', 'player:998') === 1);
check($client->zScore('board', 'nobody') === false);
check($client->zRangeByScore('board', '-inf', '(3', ['withscores' => true]) === ['player:0' => 0.0, 'player:1' => 1.5]);

$client->watch('board');
check($client->multi()->zAdd('board', 7, 'player:7')->hMSet('profile', ['name' => 'Seven'])->exec() === [0, true]);
$client->watch('board');
connect()->zAdd('board', 1, 'player:1');
check($client->multi()->zAdd('board', 2, 'player:1')->exec() === false);

$client->zAdd('jobs', 1, 'first');
check($client->bzPopMin('jobs', 1) === ['jobs', 'first', '1']);
check($client->bzPopMin('jobs', 1) === []);

$cursor = null;
$seen = 0;
while ($cursor !== 0 && ($members = $client->zScan('board', $cursor)) !== false) {
    $seen += count($members);
}
check($seen === 1000);

$client->setex('kept', 100, serialize(['yes']));
check($client->ttl('kept') > 90);
exec(getenv('SERVER_RESTART'), $output, $status);
check($status === 0);
$client = connect();
check(unserialize($client->get('kept')) === ['yes'] && $client->zCard('board') === 1000);
