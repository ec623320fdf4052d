# Images go to the client at once, past PostgreSQL's output buffer: over a socket and over
# TLS the bytes are right, and what comes between them, ends them or stops
# reading them does what it does to any other query.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $keys = tempdir(CLEANUP => 1);
is(system("cd $keys && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout server.key -out server.crt 2>openssl.log"),
	0, 'a certificate is made');
chmod 0600, "$keys/server.key";

my $node = Medimnet::node('messages', catalog => 1,
	conf => "listen_addresses = '127.0.0.1'\nssl = on\nssl_cert_file = '$keys/server.crt'\nssl_key_file = '$keys/server.key'\n");
# 40 images of noise, 96x96 in colour: 27 kB, and the other loader's 111 kB
$node->safe_psql('postgres', <<'SQL');
SELECT medimnet.add_collection('made', 'CC0-1.0');
INSERT INTO medimnet.subject (subject_id) SELECT generate_series(1, 40);
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, width, height, channels, frames)
SELECT n, n, 1, 'stored', 'image/png', sha256(n::text::bytea), sha256(n::text::bytea), 96, 96, 3, 1 FROM generate_series(1, 40) n;
INSERT INTO medimnet.image_content (subject_id, image_id, content)
SELECT n, n, medimnet.png(('96x96x3 u8 rgb \x' || (SELECT string_agg(encode(sha256((n * 1000 + k)::text::bytea), 'hex'), '') FROM generate_series(1, 864) k))::medimnet.pixels)
FROM generate_series(1, 40) n;
SELECT medimnet.create_dataset('d', 'SELECT image_id, ''a'' AS label FROM medimnet.catalog', '{"train": 1}');
SELECT medimnet.create_loader('small', 'd', 'train', 8, 96, 96, 3), medimnet.create_loader('large', 'd', 'train', 8, 96, 96, 3, 'float32');
SQL

my $said = `/usr/bin/python3 $FindBin::Bin/073_messages.py '${\$node->connstr('postgres')}' ${\$node->port}`;
is($?, 0, 'the client ends well') or diag($said);
my @checks = map { [ split /\|/, $_, 3 ] } split /\n/, $said;
ok($_->[1], $_->[0]) or diag($_->[2]) for @checks;
is(scalar(@checks), 9, 'all was looked at');

like(Medimnet::slurp($node->logfile), qr/could not send data to client/, 'the log tells of a client that went away');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
