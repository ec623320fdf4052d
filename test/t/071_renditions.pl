# Renditions change nothing but the speed: random loaders of every dtype, layout,
# fit and augmentation, on a partitioned catalog, before, while and after they
# are prepared; and nothing is served that may not be.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use IPC::Run;
use Medimnet;
use Test::More;

srand($ENV{SEED} // 7);
my $loaders = $ENV{LOADERS} // 8;
my $node = Medimnet::node('renditions', catalog => 1, partitions => 3);
# 240 images, 8 and 16 bits, gray and colour, of three shapes; each a subject's own
$node->safe_psql('postgres', <<'SQL');
SELECT medimnet.add_collection('made', 'CC0-1.0');
INSERT INTO medimnet.subject (subject_id) SELECT n * 7919 FROM generate_series(1, 240) n;
CREATE TABLE made AS
SELECT n AS image_id, w, h, c, b, decode(substr((SELECT string_agg(encode(sha256((n * 100 + k)::text::bytea), 'hex'), '') FROM generate_series(0, w * h * c * b / 32) k),
	1, w * h * c * b * 2), 'hex') AS samples
FROM generate_series(1, 240) n, LATERAL (SELECT 12 + n % 3 * 9 AS w, 20 - n % 3 * 6 AS h, 1 + n % 2 * 2 AS c, 1 + n / 120 % 2 AS b) s;
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, width, height, channels, frames)
SELECT image_id * 7919, image_id, 1, 'stored', 'image/png', sha256(image_id::text::bytea), sha256(image_id::text::bytea), w, h, c, 1 FROM made;
INSERT INTO medimnet.image_content (subject_id, image_id, content)
SELECT image_id * 7919, image_id, medimnet.png(format('%sx%sx%s %s %s %s', w, h, c, CASE b WHEN 1 THEN 'u8' ELSE 'u16' END, CASE c WHEN 3 THEN 'rgb' ELSE 'raw' END, samples)::medimnet.pixels) FROM made;
SELECT medimnet.create_dataset('d', 'SELECT image_id, (image_id % 5)::text AS label FROM medimnet.catalog');
SQL

sub pick { return $_[ rand @_ ] }

my (%options, %before);
for my $n (1 .. $loaders)
{
	my $dtype = (qw(uint8 uint16 float16 float32 float32))[ $n % 5 ];
	my $window = $dtype eq 'uint8' ? pick('"auto"', '"full"', '[100, 90]') : pick('"none"', '"percentile"', '["full", [99, 150.5], "auto"]');
	my $channels = $window =~ /^\["/ ? 3 : pick(1, 3);
	my @options = ("\"window\": $window", '"layout": ' . pick('"NCHW"', '"NHWC"'), '"fit": ' . pick('"resize"', '"crop"', '"pad"'));
	push @options, '"normalize": ' . pick('"train"', '{"mean": 31.5, "std": 7}') if $dtype =~ /float/ && rand() < 0.6;
	push @options, '"augment": ' . pick('{"flip": "both"}', '{"rotate": 20, "crop": 0.3}', $window eq '"none"' ? '{"crop": 0.5}' : '{"window": 0.3, "flip": "horizontal"}')
	  if rand() < 0.6;
	my ($width, $height, $balance, $seed) = (1 + int rand 40, 1 + int rand 90, pick(qw(none uniform sqrt)), int rand 1000);
	$options{$n} = "$dtype, $channels x $height x $width, " . join ', ', @options;
	$node->safe_psql('postgres', "SELECT medimnet.create_loader('l$n', 'd', 'train', 16, $width, $height, $channels, '$dtype', '$balance', seed => $seed, options => '{"
		  . join(', ', @options) . "}')");
}

# 18 steps, more than an epoch; and the same by ranks
sub stream
{
	my ($n) = @_;
	return $node->safe_psql('postgres', "SELECT md5(string_agg(r::text, ',')) FROM (SELECT medimnet.batch_rows('l$n', 0, 17) AS r) s");
}

sub differ
{
	return join '; ', map { "$_: $options{$_}" } grep { stream($_) ne $before{$_} } 1 .. $loaders;
}
$before{$_} = stream($_) for 1 .. $loaders;

# a few are made, the rest is not
$node->psql('postgres', "SET statement_timeout = '" . (40 + 20 * $_) . "ms'; CALL medimnet.prepare_loader('l$_')") for 1 .. $loaders;
$node->safe_psql('postgres', 'DELETE FROM medimnet.rendition WHERE image_id % 3 = 1');
is(differ(), '', 'half prepared, the bytes are the same');

# two sessions at once for each
my $expected = $node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT DISTINCT rule_id FROM medimnet.loader) r') *
  $node->safe_psql('postgres', "SELECT samples FROM medimnet.loader_info('l1')");
for my $n (1 .. $loaders)
{
	my @command = ('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', "CALL medimnet.prepare_loader('l$n')");
	my ($said, @status) = ('');
	my @sessions = map { IPC::Run::start(\@command, '>', \my $out, '2>', \$said) } 1 .. 2;
	@status = map { $_->finish ? 0 : 1 } @sessions;
	is("@status", '0 0', "loader $n is prepared by two sessions") if "@status" ne '0 0' || $n == $loaders;
	unlike($said, qr/WARNING|ERROR/, "loader $n: without complaint") if $said =~ /WARNING|ERROR/ || $n == $loaders;
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT DISTINCT subject_id, image_id, rule_id, frame FROM medimnet.rendition) r'), $expected, 'every image has one of every rule');
is(differ(), '', 'prepared, the bytes are the same');
$node->restart;
is(differ(), '', 'and after a restart');
for my $n (1 .. $loaders)
{
	my $wrong = $node->safe_psql('postgres', <<"SQL");
SELECT count(*) FROM unnest('{1,2,4,8,16}'::int[]) world, generate_series(3, 17, 7) step,
	LATERAL (SELECT array_agg(r.image::text ORDER BY rank, r.position) AS images, array_agg(r.position ORDER BY rank, r.position) AS places
		FROM generate_series(0, world - 1) rank, medimnet.batch_rows('l$n', step, step, rank, world) r) ranks,
	LATERAL (SELECT array_agg(r.image::text) AS images, array_agg(r.position) AS places FROM medimnet.batch_rows('l$n', step, step) r) whole
WHERE ranks.images <> whole.images OR ranks.places <> whole.places
SQL
	is($wrong, 0, "loader $n: ranks make the batch ($options{$n})") if $wrong ne 0 || $n == $loaders;
}
# a rendition is what is served: so the above has looked at them
$node->safe_psql('postgres', "CREATE TABLE kept AS SELECT * FROM medimnet.rendition; UPDATE medimnet.rendition SET data = decode(repeat('07', length(data)), 'hex')");
my @unmoved = grep { stream($_) eq $before{$_} } 1 .. $loaders;
is("@unmoved", '', 'other renditions are served as such');
$node->safe_psql('postgres', 'UPDATE medimnet.rendition r SET data = k.data FROM kept k
	WHERE (r.subject_id, r.image_id, r.rule_id, r.frame, r.chunk) = (k.subject_id, k.image_id, k.rule_id, k.frame, k.chunk)');
is(differ(), '', 'and these again');

# streams that are not read to their end, in cursors and in parts, leave nothing behind
is($node->safe_psql('postgres', <<'SQL'), "3\n5\n16", 'streams can be left and taken up');
SELECT count(*) FROM (SELECT medimnet.batch_rows('l1', 0, 9) LIMIT 3) s;
BEGIN; DECLARE c CURSOR FOR SELECT (r).position FROM (SELECT medimnet.batch_rows('l1', 0, 9) AS r) s; MOVE 4 IN c; SAVEPOINT a; MOVE 1 IN c;
ROLLBACK TO a; CREATE TEMP TABLE t AS SELECT 5 AS n; SELECT n FROM t; COMMIT;
SELECT count(*) FROM generate_series(1, 4) s, LATERAL (SELECT medimnet.batch_rows('l1', s, s) LIMIT 4) r;
SQL
like(Medimnet::slurp($node->logfile), qr/^(?!.*leak)/s, 'and the server complains of no leak');

# what may not be served is not, prepared or not
my $image = $node->safe_psql('postgres', "SELECT min(image_ids[1]) FROM medimnet.batch('l1', 0)");
sub refused
{
	my ($what, $sql) = @_;
	my ($status, undef, $error) = $node->psql('postgres', ($sql // '') . "SELECT count(*) FROM (SELECT medimnet.batch_rows('l1', 0, 17)) s");
	like($error, qr/image $image of loader "l1" can no longer be served/, $what);
}
$node->safe_psql('postgres', "UPDATE medimnet.image SET status = 'quarantined' WHERE image_id = $image");
refused('an image in quarantine is refused');
$node->safe_psql('postgres', "SELECT medimnet.release_image($image)");
is(stream(1), $before{1}, 'released, it is served again');
$node->safe_psql('postgres', <<"SQL");
CREATE ROLE trainer; GRANT USAGE ON SCHEMA medimnet TO trainer; GRANT SELECT ON ALL TABLES IN SCHEMA medimnet TO trainer;
ALTER TABLE medimnet.image ENABLE ROW LEVEL SECURITY; CREATE POLICY most ON medimnet.image USING (image_id <> $image);
SQL
refused('so is one that a policy hides', 'SET ROLE trainer; ');
$node->safe_psql('postgres', 'DROP POLICY most ON medimnet.image; CREATE POLICY all_of_it ON medimnet.image USING (true)');
is($node->safe_psql('postgres', "SET ROLE trainer; SELECT md5(string_agg(r::text, ',')) FROM (SELECT medimnet.batch_rows('l1', 0, 17) AS r) s"), $before{1},
	'under a policy the bytes are the same');
$node->safe_psql('postgres', 'ALTER TABLE medimnet.image DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON medimnet.rendition FROM trainer');
is($node->safe_psql('postgres', "SET ROLE trainer; SELECT md5(string_agg(r::text, ',')) FROM (SELECT medimnet.batch_rows('l1', 0, 17) AS r) s"), $before{1},
	'who may not read renditions gets the same, decoded');
$node->safe_psql('postgres', 'REVOKE SELECT ON medimnet.image FROM trainer; GRANT SELECT (subject_id, image_id, status) ON medimnet.image TO trainer');
is($node->safe_psql('postgres', "SET ROLE trainer; SELECT cardinality(image_ids) FROM medimnet.batch('l1', 0)"), 16, 'privileges of columns are enough');
$node->safe_psql('postgres', 'REVOKE SELECT (status) ON medimnet.image FROM trainer');
my (undef, undef, $error) = $node->psql('postgres', "SET ROLE trainer; SELECT cardinality(image_ids) FROM medimnet.batch('l1', 0)");
like($error, qr/permission denied for table image/, 'fewer are not');
$node->safe_psql('postgres', "UPDATE medimnet.image SET status = 'quarantined' WHERE image_id = $image; SELECT medimnet.reject_image($image)");
is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.rendition WHERE image_id = $image"), 0, 'renditions of a rejected image are gone');
refused('and it is refused');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
