# The command medimnet pull.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use IPC::Run;
use Medimnet;
use Png;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('pull', catalog => 1);
my $folder = PostgreSQL::Test::Utils::tempdir;

sub medimnet
{
	my ($command, @arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'medimnet', $command, '-d', $node->connstr('postgres'), @arguments ], '>', \$out, '2>', \$err);
	return ($? & 127 ? $? : $? >> 8, $out, $err);
}

# three classes of unequal size
my %sizes = (large => 30, middle => 12, small => 6);
my $seed = 0;
for my $class (sort keys %sizes)
{
	mkdir "$folder/$class" or die;
	for my $n (1 .. $sizes{$class})
	{
		my $k = ++$seed;
		Png::write_grey("$folder/$class/$n.png", 24, 20, sub { $_[0] * $k * 7 + $_[1] * 11 + ($_[0] * $_[1] * $k >> 2) });
	}
}
my ($status, $out, $err) = medimnet('import', '--collection', 'c', '--create', '--label-from-folder', '--quiet', $folder);
is($status, 0, 'the images are there') or diag($out, $err);
$node->safe_psql('postgres', <<'SQL');
SELECT medimnet.create_dataset('d', 'SELECT image_id, label FROM medimnet.catalog', '{"train": 1}');
SELECT medimnet.create_loader('even', 'd', 'train', batch_size => 8, width => 16, height => 12);
SELECT medimnet.create_loader('plain', 'd', 'train', batch_size => 8, width => 16, height => 12, channels => 3, dtype => 'float32', balance => 'none');
SQL

($status, $out, $err) = medimnet('pull', 'even', '--steps', '30');
is($status, 0, 'pull ends well') or diag($out, $err);
is($err, '', 'and has nothing to complain of');
like($out, qr/^loader even: 48 samples, \d+ steps an epoch, 3 classes$/m, 'what the loader is');
like($out, qr/^30 batches of 8x1x12x16 uint8$/m, 'what the batches are');
like($out, qr/^240 images, [\d.]+ MB in [\d.]+ s: \d+ images\/s, [\d.]+ MB\/s/m, 'how fast');
for my $class (sort keys %sizes)
{
	like($out, qr/^ +80 +33\.33 +2-3  $class$/m, "a third of the images is $class, each batch to within one");
}
($status, $out, $err) = medimnet('pull', 'plain', '--steps', '6');
like($out, qr/^6 batches of 8x3x12x16 float32$/m, 'colour and float32');
like($out, qr/^ +30 +62\.50 +\S+  large$/m, 'one epoch has each image once');

# ranks share a batch; files hold what NumPy reads
my %ids;
for my $rank (0 .. 1)
{
	($status, $out, $err) = medimnet('pull', 'even', '--steps', '2', '--first-step', '5', '--rank', $rank,
		'--world-size', '2', '--output', "$folder/rank$rank");
	is($status, 0, "rank $rank of 2") or diag($err);
	like($out, qr/^2 batches of 4x1x12x16 uint8, rank $rank of 2$/m, "rank $rank has half a batch");
}
my $whole = $node->safe_psql('postgres', "SELECT image_ids, labels FROM medimnet.batch('even', 5)");
is(npy("$folder/rank0/00000005.image_ids.npy", 'q<') . ',' . npy("$folder/rank1/00000005.image_ids.npy", 'q<') . '}|{'
	  . npy("$folder/rank0/00000005.labels.npy", 'l<') . ',' . npy("$folder/rank1/00000005.labels.npy", 'l<'),
	$whole =~ s/^\{|\}$//gr, 'the files of two ranks together are the whole batch');
is(unpack('H*', Medimnet::slurp("$folder/rank1/00000006.images.npy")),
	$node->safe_psql('postgres', "SELECT encode(medimnet.tensor_send(images), 'hex') FROM medimnet.batch('even', 6, 1, 2)"),
	'images are written as they came');

# The numbers of an NPY file of one dimension.
sub npy
{
	my ($path, $kind) = @_;
	my $bytes = Medimnet::slurp($path);
	my $start = 10 + unpack('v', substr($bytes, 8, 2));
	return join ',', unpack("($kind)*", substr($bytes, $start));
}

# what cannot be
($status, $out, $err) = medimnet('pull', 'nope', '--steps', '1');
is($status, 2, 'no such loader: exit status 2');
like($err, qr/"nope"/, 'and its name');
($status, $out, $err) = medimnet('pull', 'even', '--steps', '1', '--world-size', '3');
is($status, 2, 'ranks that cannot share evenly: exit status 2');
($status, $out, $err) = medimnet('pull', 'even', '--steps', '1', '--rank', '1');
like($err, qr/--rank must be less than --world-size/, 'a rank that is none');
($status, $out, $err) = medimnet('pull', 'even', '--steps', '0');
like($err, qr/--steps must be a whole number from 1/, 'no steps');

# a server that does not keep its promise
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA real;
ALTER FUNCTION medimnet.batch(text, bigint, int, int) SET SCHEMA real;
CREATE FUNCTION medimnet.batch(loader text, step bigint, rank int, world_size int,
	OUT images medimnet.tensor, OUT labels int[], OUT image_ids bigint[]) LANGUAGE sql AS $$
	SELECT images, CASE step WHEN 3 THEN array_fill(7, '{8}') ELSE labels END, image_ids
	FROM real.batch(CASE step WHEN 2 THEN 'plain' ELSE 'even' END, step) $$;
SQL
($status, $out, $err) = medimnet('pull', 'even', '--steps', '5');
is($status, 1, 'a batch that is not as promised: exit status 1');
like($err, qr/^medimnet: step 2: the images are float32, the loader says uint8$/m, 'and why');
like($out, qr/^2 batches of /m, 'those before it are counted');
($status, $out, $err) = medimnet('pull', 'even', '--steps', '1', '--first-step', '3');
like($err, qr/^medimnet: step 3: label 7 is none of the loader's 3 classes$/m, 'a label that is no class');

$node->stop;
done_testing();
