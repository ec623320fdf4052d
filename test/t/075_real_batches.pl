# Real images from file to batch: MedNIST and BCCD imported by the command, made
# into datasets and loaders, a hundred batches pulled.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use List::Util qw(max min);
use Medimnet;
use Test::More;
use Time::HiRes qw(time);

my $datasets = Medimnet::shared('data/datasets');
my $node = Medimnet::node('real_batches', catalog => 1);
my $connection = $node->connstr('postgres');

# name, its folder, its number of images, column of subjects, batch size
for (['mednist', 'mednist', 8986, 'patient_id', 60], ['bccd', 'blood_bccd', 1233, 'view', 32])
{
	my ($name, $folder, $files, $subject, $batch) = @$_;
	my $began = time;
	my $said = `medimnet import --quiet --collection $name --create --labels $datasets/$folder/labels.tsv --subject-column $subject -d '$connection' 2>&1`;
	my $took = time - $began;
	my %outcome = map { split /\|/ } split /\n/,
	  $node->safe_psql('postgres', "SELECT status, count(*) FROM medimnet.ingest_log WHERE collection = '$name' GROUP BY status");
	my $sum = 0;
	$sum += $_ for values %outcome;
	is($sum, $files, "$name: every file has an outcome") or diag($said);
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.ingest_log WHERE collection = '$name' AND status <> 'stored' AND reason IS NULL"),
		0, "$name: none is refused without a reason");
	cmp_ok($outcome{stored} // 0, '>', $files * 0.95, "$name: most are stored");
	note(sprintf '%s: %d files in %.1f s, %.0f a second; %s', $name, $files, $took, $files / $took,
		join ', ', map { "$_ $outcome{$_}" } sort keys %outcome);

	$node->safe_psql('postgres', <<"SQL");
SELECT medimnet.create_dataset('$name', 'SELECT image_id, label FROM medimnet.catalog WHERE collection = ''$name'' AND label IS NOT NULL');
SELECT medimnet.create_loader('$name', '$name', 'train', $batch, 64, 64, channels => 3);
SQL
	is($node->safe_psql('postgres', <<"SQL"), '0|0', "$name: no subject, no image in two splits");
SELECT (SELECT count(*) FROM medimnet.leak_report('$name')), count(*) FROM (
	SELECT FROM medimnet.dataset_member WHERE dataset_id = medimnet.dataset_id('$name') GROUP BY subject_id HAVING count(DISTINCT split) > 1) s
SQL
	note("$name:\n" . $node->safe_psql('postgres', "SELECT * FROM medimnet.dataset_summary('$name')"));
	is($node->safe_psql('postgres', <<"SQL"), 't', "$name: each split has its fraction of each label, to a tenth of it or one group of images");
SELECT bool_and(abs(s.images - f.share * total.n) <= greatest(0.1 * f.share * total.n, biggest.n))
FROM medimnet.dataset_summary('$name') s,
	LATERAL (SELECT (split ->> s.split)::float8 AS share FROM medimnet.dataset_version WHERE name = '$name') f,
	LATERAL (SELECT sum(t.images)::float8 AS n FROM medimnet.dataset_summary('$name') t WHERE t.label = s.label) total,
	(SELECT max(c) AS n FROM (SELECT count(*) AS c FROM medimnet.dataset_member m JOIN medimnet.dataset_subject USING (dataset_id, subject_id) GROUP BY dataset_id, group_id) g) biggest
SQL

	# a hundred batches
	my $first = $node->safe_psql('postgres',
		"SELECT step, medimnet.shape(images), md5(images::text), labels, image_ids FROM generate_series(0, 99) step, medimnet.batch('$name', step) b");
	my @uneven;
	my $last_class = $node->safe_psql('postgres', "SELECT cardinality(classes) - 1 FROM medimnet.loader_info('$name')");
	for (split /\n/, $first)
	{
		my ($step, $shape, undef, $labels) = split /\|/;
		my %count = map { $_ => 0 } 0 .. $last_class;
		$count{$_}++ for $labels =~ /\d+/g;
		push @uneven, $step if max(values %count) - min(values %count) > 1;
		push @uneven, "$step: $shape" if $shape ne "{$batch,3,64,64}";
	}
	is("@uneven", '', "$name: each of 100 batches is even to one");
	is($last_class, $name eq 'bccd' ? 2 : 5, "$name: of all classes");

	my $second = $node->safe_psql('postgres',
		"SELECT step, medimnet.shape(images), md5(images::text), labels, image_ids FROM generate_series(0, 99) step, medimnet.batch('$name', step) b");
	ok($second eq $first, "$name: another session gets the same hundred");

	is($node->safe_psql('postgres', <<"SQL"), 't', "$name: ranks are disjoint, and make the batch");
SELECT bool_and(r0.image_ids || r1.image_ids = b.image_ids AND NOT r0.image_ids && r1.image_ids)
FROM generate_series(0, 19) step, medimnet.batch('$name', step, 0, 2) r0, medimnet.batch('$name', step, 1, 2) r1, medimnet.batch('$name', step) b
SQL

	my $rates = $node->safe_psql('postgres', <<"SQL");
\\timing on
SELECT count(image_ids) FROM generate_series(0, 99) step, medimnet.batch('$name', step) b;
SELECT count(r) FROM (SELECT medimnet.batch_rows('$name', 0, 99) r) s;
SQL
	my ($batch_ms, $rows_ms) = $rates =~ /Time: ([\d.]+) ms/g;
	note(sprintf '%s: batch() %.0f images/s, batch_rows() %.0f', $name, $batch * 1e5 / $batch_ms, $batch * 1e5 / $rows_ms);
}

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
