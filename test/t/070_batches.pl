# Batches are pure functions: random loaders, read from two sessions, by ranks,
# and after a restart; balance and cover counted position by position.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin;
use lib $FindBin::Bin;
use List::Util qw(max min sum uniq);
use Medimnet;
use Test::More;

my $loaders = $ENV{LOADERS} // 24;
my $positions = 480;    # read of each loader
srand($ENV{SEED} // 5);
diag("set SEED and LOADERS for others") if $ENV{SEED};

my $node = Medimnet::node('batches', catalog => 1);
# 2,000 images of one pixel, of 300 subjects
$node->safe_psql('postgres', <<'SQL');
SELECT medimnet.add_collection('made', 'CC0-1.0');
INSERT INTO medimnet.subject (subject_id) SELECT generate_series(0, 299);
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, modality, width, height, channels, frames)
SELECT n % 300, n, 1, 'stored', 'image/png', sha256(n::text::bytea), sha256(n::text::bytea),
	(ARRAY['CT', 'MR', 'US'])[1 + n % 7 % 3], 1, 1, 1, 1
FROM generate_series(1, 2000) n;
INSERT INTO medimnet.image_content (subject_id, image_id, content)
SELECT n % 300, n, medimnet.png(('1x1x1 u8 raw \x' || lpad(to_hex(n % 256), 2, '0'))::medimnet.pixels) FROM generate_series(1, 2000) n;
SQL

# What a session says of a loader's first positions.
sub stream
{
	my ($loader, $steps) = @_;
	return $node->safe_psql('postgres',
		"SELECT r.step, r.position, r.image_id, r.label, r.image FROM medimnet.batch_rows('$loader', 0, $steps - 1) r");
}

my (%spec, %seen);
for my $n (1 .. $loaders)
{
	my $images = 10 + int rand 600;
	my $classes = 1 + int rand 7;
	my $batch = 8 * (1 + int rand 6);
	my $balance = (qw(none uniform sqrt))[ $n % 3 ];
	my $by = $n % 4 == 3 ? '{label,modality}' : '{label}';
	my $seed = int rand 1e9;
	# the n-th class has about 1/n of the images of the first
	$node->safe_psql('postgres', <<"SQL");
SELECT medimnet.create_dataset('d$n', 'SELECT image_id, ''c'' || floor($classes ^ ((image_id * 7919 % 1000) / 1000.0))::text AS label
	FROM medimnet.catalog ORDER BY image_id LIMIT $images', '{"train":0.7,"test":0.3}', $seed);
SELECT medimnet.create_loader('l$n', 'd$n', 'train', $batch, 1, 1, balance => '$balance', balance_by => '$by', seed => $seed);
SQL
	$spec{$n} = { batch => $batch, balance => $balance, steps => int($positions / $batch) };
}

for my $n (1 .. $loaders)
{
	my ($batch, $balance, $steps) = @{ $spec{$n} }{qw(batch balance steps)};
	my $name = "loader $n ($balance, batch $batch)";
	my $text = stream("l$n", $steps);
	$seen{$n} = md5_hex($text);

	# the stratum of each image, and its size
	my %stratum = map { split /\|/ } split /\n/,
	  $node->safe_psql('postgres', "SELECT image_id, stratum FROM medimnet.loader_member WHERE loader_id = medimnet.loader_id('l$n')");
	my %size;
	$size{$_}++ for values %stratum;
	my $strata = keys %size;
	my %share = map { $_ => $balance eq 'uniform' ? 1 / $strata : sqrt $size{$_} } keys %size;
	my $total = sum values %share;
	$share{$_} /= $total for keys %share;

	my (%count, %times, %in_batch);
	my ($at, $off_share, $spread, $batch_spread, $not_due, $wrong_pixel) = (0, 0, 0, 0, 0, 0);
	for my $line (split /\n/, $text)
	{
		my ($step, $position, $image, $label, $tensor) = split /\|/, $line;
		my $s = $stratum{$image} // die "image $image is not in the split";
		$step * $batch + $position == $at or die "position $at is missing";
		%in_batch = map { $_ => 0 } keys %size if $position == 0;
		# in its c-th cycle a stratum deals those that were dealt c times
		$not_due++ if ($times{$image} // 0) != int(($count{$s} // 0) / $size{$s});
		$times{$image}++;
		$count{$s}++;
		$in_batch{$s}++;
		$at++;
		$spread = max $spread, max(map { $count{$_} // 0 } keys %size) - min(map { $count{$_} // 0 } keys %size);
		$off_share = max $off_share, map { abs(($count{$_} // 0) - $at * $share{$_}) } keys %size;
		$batch_spread = max $batch_spread, max(values %in_batch) - min(values %in_batch) if $position == $batch - 1;
		$wrong_pixel++ if $tensor ne sprintf 'uint8[1,1,1]{%d}', $image % 256;
	}
	is($at, $steps * $batch, "$name: all positions are there");
	is($not_due, 0, "$name: each member exactly once a cycle");
	is($wrong_pixel, 0, "$name: the images are those of the image_ids");
	cmp_ok(max($spread, $batch_spread), '<=', 1, "$name: even to one at every position and in every batch") if $balance eq 'uniform';
	# the schedule's quotas are rounded to its period of 4096
	cmp_ok($off_share, '<', 1 + $positions / 4096, "$name: within one of its share at every position") if $balance eq 'sqrt';

	# any step of any rank alone, for any number of ranks
	my @steps = uniq map { int rand $steps } 1 .. 3;
	for my $world (1, 2, 4, 8)
	{
		my $differ = $node->safe_psql('postgres', <<"SQL");
SELECT count(*) FROM unnest('{@{[join ',', @steps]}}'::bigint[]) step,
	LATERAL (SELECT array_agg(u.i ORDER BY rank, u.n) AS ids, count(*) AS n, array_agg(DISTINCT medimnet.shape(b.images)) AS shapes
		FROM generate_series(0, $world - 1) rank, medimnet.batch('l$n', step, rank::int, $world) b, unnest(b.image_ids) WITH ORDINALITY u (i, n)) r,
	medimnet.batch('l$n', step) b
WHERE r.ids <> b.image_ids OR r.shapes <> ARRAY[ARRAY[$batch / $world, 1, 1, 1]]
SQL
		is($differ, 0, "$name: $world ranks together make the batch") if $differ != 0 || $world == 8;
	}
}

# a session that has only just come, at random steps first, sees the same
my @differ = grep { md5_hex(stream("l$_", $spec{$_}{steps})) ne $seen{$_} } reverse 1 .. $loaders;
is("@differ", '', 'another session gets the same');
$node->restart;
@differ = grep { md5_hex(stream("l$_", $spec{$_}{steps})) ne $seen{$_} } 1 .. $loaders;
is("@differ", '', 'and so it does after a restart');
is($node->safe_psql('postgres', <<"SQL"), 't', 'a stream begun in the middle goes on as if it had never stopped');
SELECT (SELECT array_agg(image_id) FROM medimnet.batch_rows('l1', 0, 9)) =
	(SELECT array_agg(image_id) FROM medimnet.batch_rows('l1', 0, 5)) || (SELECT array_agg(image_id) FROM medimnet.batch_rows('l1', 6, 9))
SQL

# nothing leaks
is($node->safe_psql('postgres', "SELECT count(*) FROM generate_series(1, $loaders) n, medimnet.leak_report('d' || n)"), 0, 'no dataset leaks');

# cancel works between images
my ($status, undef, $error) = $node->psql('postgres',
	"SET statement_timeout = '300ms'; SELECT count(*) FROM (SELECT medimnet.batch_rows('l1', 0, 1000000)) s");
like($error, qr/canceling statement due to statement timeout/, 'a stream can be canceled');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
