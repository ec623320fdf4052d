# A hot standby serves the same batches, on a partitioned catalog; so do parallel
# workers, and a database restored from a dump.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = Medimnet::node('primary', catalog => 1, partitions => 4, init => { allows_streaming => 1 });
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', <<'SQL');
SELECT medimnet.add_collection('made', 'CC0-1.0');
INSERT INTO medimnet.subject (subject_id) SELECT generate_series(1, 100);
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, width, height, channels, frames)
SELECT n, n, 1, 'stored', 'image/png', sha256(n::text::bytea), sha256(n::text::bytea), 4, 1, 1, 1 FROM generate_series(1, 100) n;
INSERT INTO medimnet.image_content (subject_id, image_id, content)
SELECT n, n, medimnet.png(('4x1x1 u8 raw \x' || lpad(to_hex(n), 2, '0') || 'ff00ff')::medimnet.pixels) FROM generate_series(1, 100) n;
SELECT medimnet.create_dataset('d', 'SELECT image_id, (image_id % 3)::text AS label FROM medimnet.catalog');
SELECT medimnet.create_loader('even', 'd', 'train', 16, 8, 8), medimnet.create_loader('root', 'd', 'train', 16, 8, 8, dtype => 'float32', balance => 'sqrt',
	options => '{"normalize": "train", "layout": "NHWC", "augment": {"rotate": 30, "flip": "both"}}');
SQL
$primary->wait_for_catchup($standby);

my $batches = "SELECT l, step, b.* FROM unnest('{even,root}'::text[]) l, generate_series(0, 20) step, medimnet.batch(l, step) b";
my $expected = $primary->safe_psql('postgres', $batches);
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'the standby is one');
ok($standby->safe_psql('postgres', $batches) eq $expected, 'it serves the same batches');
ok($standby->safe_psql('postgres', "SELECT r FROM (SELECT medimnet.batch_rows('even', 0, 20) AS r) s") eq
	$primary->safe_psql('postgres', "SELECT r FROM (SELECT medimnet.batch_rows('even', 0, 20) AS r) s"), 'and the same stream');
is($standby->safe_psql('postgres', "SELECT samples, steps_per_epoch FROM medimnet.loader_info('even')"),
	$primary->safe_psql('postgres', "SELECT samples, steps_per_epoch FROM medimnet.loader_info('even')"), 'and says the same of its loaders');
ok($primary->safe_psql('postgres', "SET force_parallel_mode = on; $batches") eq $expected, 'parallel workers serve the same');

# renditions travel like any table; the standby serves from them
$primary->safe_psql('postgres', "CALL medimnet.prepare_loader('even')");
$primary->safe_psql('postgres', "CALL medimnet.prepare_loader('root')");
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM medimnet.rendition'), 2 * $standby->safe_psql('postgres', "SELECT samples FROM medimnet.loader_info('even')"),
	'the standby has the renditions');
ok($primary->safe_psql('postgres', $batches) eq $expected, 'with which the primary serves the same');
ok($standby->safe_psql('postgres', $batches) eq $expected, 'and the standby');
my $job = "SELECT r FROM (SELECT medimnet.batch_rows('root', 7, 20) AS r) s";
my $rest = $standby->safe_psql('postgres', $job);

$primary->stop('immediate');
$standby->promote;
ok($standby->safe_psql('postgres', $batches) eq $expected, 'after promotion a job goes on with the same');
ok($standby->safe_psql('postgres', $job) eq $rest, 'from any step');
$standby->safe_psql('postgres', "SELECT medimnet.log_batches('root', 'job', 0, 20)");

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$standby->safe_psql('postgres', 'CREATE DATABASE restored');
$standby->command_ok([ 'pg_dump', '-f', $dump, '-d', $standby->connstr('postgres') ], 'datasets and loaders can be dumped');
$standby->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', File::Spec->devnull, '-f', $dump, '-d', $standby->connstr('restored') ], 'and restored');
ok($standby->safe_psql('restored', $batches) eq $expected, 'to the same batches');
is($standby->safe_psql('restored', "SELECT image_id, showings FROM generate_series(1, 100) n, medimnet.runs_that_saw(n)"),
	$standby->safe_psql('postgres', "SELECT image_id, showings FROM generate_series(1, 100) n, medimnet.runs_that_saw(n)"), 'and the same account of who was shown');
is($standby->safe_psql('restored', 'SELECT bool_and(manifest_hash = medimnet.dataset_hash(dataset_id)) FROM medimnet.dataset_version'), 't', 'and manifests');

Medimnet::log_is_clean($standby);
$standby->stop;
done_testing();
