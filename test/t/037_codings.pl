# Compressed frames that are not quite what the data set says of them.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/037_codings.py", $files), 0, 'files are written');
my @expected = map { [ split /\t/ ] } split /\n/, Medimnet::slurp("$files/expected");
cmp_ok(scalar(@expected), '>=', 16, scalar(@expected) . ' of them');

my $node = Medimnet::node('codings');
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');
for my $case (@expected)
{
	my ($name, $frame, $head, $samples) = @$case;
	my ($original, $clean) = split /\n/, $node->safe_psql('postgres', "SELECT medimnet.decode_frame(c, $frame)
		FROM pg_read_binary_file('$files/$name') f, LATERAL (VALUES (f), (medimnet.deidentify(f, sha256('k')))) v (c)");
	like($original, qr/^\Q$head\E(?: .*)?\\x\Q$samples\E$/, $name);
	is($clean, $original, "$name: the same when de-identified");
}
my %refusals = (
	short => qr/pixel data end after 6 of 7 frames/,
	components => qr/a compressed frame of 4 components, the data set says 3/,
	extension => qr/unsupported JPEG 2000 data: a transform of part 2/,
	transform => qr/unsupported JPEG 2000 data: a transform of part 2/);
for my $name (sort keys %refusals)
{
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.decode_frame(c, medimnet.frame_count(c)) FROM pg_read_binary_file('$files/refuse_$name') c");
	like($err, $refusals{$name}, "$name is refused");
}
is($node->safe_psql('postgres', "SELECT medimnet.width(medimnet.decode_frame(pg_read_binary_file('$files/take_extension')))"), 32, 'a transform that is not used is not');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
