# The README's SQL, pasted into psql on a new database in the order it stands.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $node = Medimnet::node('readme');
my $readme = Medimnet::slurp("$ENV{MEDIMNET_TOP}/README.md");
my @blocks = $readme =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar(@blocks), '>=', 4, 'the README shows SQL');
is(() = $blocks[0] =~ /;$/mg, 6, 'the first screen shows six lines of it');
for my $block (@blocks)
{
	for my $statement ($block =~ /(.*?;)\n/sg)
	{
		my ($status, $out, $err) = $node->psql('postgres', $statement);
		my ($first) = $statement =~ /^(.{1,70})/;
		is($status, 0, $first) or diag($err);
	}
}
like($node->safe_psql('postgres', 'SELECT image_id, label FROM medimnet.catalog'), qr/^\d+\|logo$/, 'the image is in the catalog');
is($node->safe_psql('postgres', q{SELECT medimnet.dtype(images), medimnet.shape(images) FROM medimnet.batch('chest-train', 0)}),
	'uint8|{32,1,64,64}', 'the batch has the shape the loader was made for');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
