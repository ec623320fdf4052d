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
	my ($name, $head, $samples) = @$case;
	my ($original, $clean) = split /\n/, $node->safe_psql('postgres', "SELECT medimnet.decode_frame(c)
		FROM pg_read_binary_file('$files/$name') f, LATERAL (VALUES (f), (medimnet.deidentify(f, sha256('k')))) v (c)");
	like($original, qr/^\Q$head\E(?: .*)?\\x\Q$samples\E$/, $name);
	is($clean, $original, "$name: the same when de-identified");
}
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
