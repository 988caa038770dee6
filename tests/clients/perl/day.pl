# A day of a leaderboard through Redis.pm.
use strict;
use warnings;
use Redis;

sub check { die "not so at line " . (caller)[2] . "\n" unless shift }

my %options = (server => "127.0.0.1:$ENV{SERVER_PORT}", password => $ENV{SERVER_PASSWORD}, reconnect => 10, every => 10_000);
my $client = Redis->new(%options);
my $added = 0;
for my $number (0 .. 999) {
    $client->zadd('board', $number * 1.5, "player:$number", sub { $added += $_[0] });
}
$client->wait_all_responses;
check($added == 1000);
check($client->zincrby('board', 2.5, 'player:999') == 1501);
check(join(' ', $client->zrevrange('board', 0, 1, 'WITHSCORES')) eq 'player:999 1501 player:998 1497');
check($client->zrevrank('board', 'player:998') == 1);
check(!defined $client->zscore('board', 'nobody'));

$client->multi;
$client->zadd('board', 7, 'player:7');
$client->hset('profile', 'name', 'Seven');
check(join(' ', $client->exec) eq '0 1');

my $listener = Redis->new(%options);
my $heard = '';
$listener->subscribe('news', sub { $heard = $_[0] });
$client->publish('news', 'hello');
$listener->wait_for_messages(1) until $heard;
check($heard eq 'hello');

$client->zadd('jobs', 1, 'first');
check(join(' ', $client->bzpopmin('jobs', 5)) eq 'jobs first 1');

$client->set('kept', 'yes');
check(system($ENV{SERVER_RESTART}) == 0);
check($client->get('kept') eq 'yes');
check($client->zcard('board') == 1000);
