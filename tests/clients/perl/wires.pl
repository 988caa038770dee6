# TLS through Redis.pm: certificates of both ends, strangers refused, a user of the ACL, and a reconnect after SIGKILL. Redis.pm
# takes no names of files; IO::Socket::SSL, which it uses, has them as defaults.
use strict;
use warnings;
use IO::Socket::SSL;
use Redis;

sub check { die "not so at line " . (caller)[2] . "\n" unless shift }

my $files = $ENV{SERVER_FILES};
my @shown = (SSL_cert_file => "$files/client.crt", SSL_key_file => "$files/client.key");

sub connected {
    my ($terms, @credentials) = @_;
    IO::Socket::SSL::set_client_defaults(@$terms);
    return Redis->new(server => "localhost:$ENV{SERVER_TLS_PORT}", ssl => 1, SSL_verify_mode => SSL_VERIFY_PEER, @credentials);
}

my @own = (SSL_ca_file => "$files/ca.crt", @shown);
my @password = (password => $ENV{SERVER_PASSWORD});
my $client = connected(\@own, @password, reconnect => 10, every => 10_000);
my $added = 0;
for my $number (0 .. 999) {
    $client->zadd('board', $number, "player:$number", sub { $added += $_[0] });
}
$client->wait_all_responses;
check($added == 1000);
check($client->zrevrank('board', 'player:998') == 1);
my $value = 'x' x 3_000_000;
$client->set('large', $value);
check($client->get('large') eq $value);

$client->__std_cmd('ACL', 'SETUSER', 'game', 'on', '>secret', '~board*', '+@sortedset');
my $game = connected(\@own, username => 'game', password => 'secret');
check($game->zscore('board', 'player:7') == 7);
check(!eval { $game->get('large') } && $@ =~ /NOPERM/);

# With TLS 1.3 the refusal of a client without a certificate comes at its first request.
my @none = (SSL_cert_file => undef, SSL_key_file => undef);
check(!eval { connected([SSL_ca_file => "$files/ca.crt", @none], @password)->ping });
check(!eval { connected([SSL_ca_file => "$files/client.crt", @shown], @password)->ping });

connected(\@own, @password);
check(system($ENV{SERVER_RESTART}) == 0);
check($client->zcard('board') == 1000);
