# The regression tests of installcheck, on a private cluster.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $node = Medimnet::node('regress');
my $top = $ENV{MEDIMNET_TOP};
my ($host, $port, $user) = ($node->host, $node->port, scalar getpwuid($<));
for my $path (sort glob "$top/test/sql/*.sql")
{
	my ($name) = $path =~ m{([^/]+)\.sql$};
	my $output = `'$ENV{PG_REGRESS}' --bindir= --inputdir=$top/test --outputdir=$top \\
		--host=$host --port=$port --user=$user --dbname=regress_$name --load-extension=medimnet $name 2>&1`;
	if (!ok($? == 0, "regression test $name"))
	{
		diag($output);
		diag(Medimnet::slurp("$top/regression.diffs")) if -e "$top/regression.diffs";
	}
}
$node->stop;
done_testing();
