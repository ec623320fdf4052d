# The clients under examples/: PyTorch, C, psql.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use IPC::Run;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

my $images = Medimnet::shared('data/datasets/mednist/images');
for my $module (qw(torch torchvision psycopg))
{
	next if system("/usr/bin/python3 -c 'import $module' 2>/dev/null") == 0;
	BAIL_OUT("CI must have python3-$module") if $ENV{CI};
	plan(skip_all => "python3-$module is not installed");
}

my $node = Medimnet::node('torch', catalog => 1, init => { allows_streaming => 1 });
my $connection = $node->connstr('postgres') . ' user=postgres';
my $work = PostgreSQL::Test::Utils::tempdir;
my @python = ('/usr/bin/python3', '-B', "$FindBin::Bin/095_torch.py");
$ENV{OMP_NUM_THREADS} = 1;

# what the Python side checks
my ($out, $err) = ('', '');
ok(IPC::Run::run([ @python, 'all', $connection, $images, $work ], '>', \$out, '2>', \$err), 'Python ends well') or diag($err);
for (split /\n/, $out)
{
	if (/^# (.*)/) { note($1); next }
	my ($name, $good, $why) = split /\|/, $_, 3;
	ok($good, $name) or diag($why);
}

# C
my $program = "$work/batches";
# of the system's: the staged one's tells of folders that it does not have
chomp(my $includes = `"${\($ENV{PG_CONFIG} // '/usr/lib/postgresql/15/bin/pg_config')}" --includedir`);
is(system("cc -std=gnu11 -O2 -Wall -Wextra -Werror -I$includes -o $program $ENV{MEDIMNET_TOP}/examples/batches.c -lpq"), 0, 'the C client compiles');
like(`$program '$connection' mednist 20`, qr/^960 images, 3\.9 MB in /, 'and gets 20 batches');
like(`$program '$connection' mednist 20 7 1 2`, qr/^480 images, 2\.0 MB in /, 'and a share of them');
like(`$program '$connection' nope 20 2>&1`, qr/^batches: could not get a batch: ERROR:  loader "nope" does not exist/, 'and says what is wrong');

# psql: one row of one field in COPY's binary form is 25 bytes, the value, and 2 bytes
my $doc = Medimnet::slurp("$ENV{MEDIMNET_TOP}/doc/datasets.md");
my ($recipe) = $doc =~ /^(psql .*images\.npy)$/m;
ok($recipe, 'doc/datasets.md has a recipe for psql');
$recipe =~ s/chest-train/mednist/;
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
is(system("cd $work && $recipe"), 0, 'it runs');
is(unpack('H*', Medimnet::slurp("$work/images.npy")),
	$node->safe_psql('postgres', "SELECT encode(medimnet.tensor_send(images), 'hex') FROM medimnet.batch('mednist', 0)"), 'and writes an NPY file');

# the server goes away under a stream, and a standby takes over
my $expected = '';
IPC::Run::run([ @python, 'ids', $connection, 'mednist', 60, 0 ], '>', \$expected);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('torch_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $both = sprintf 'host=%s,%s port=%s,%s dbname=postgres user=postgres', $node->host, $standby->host, $node->port, $standby->port;
my $got = '';
my $stream = IPC::Run::start([ @python, 'ids', $both, 'mednist', 60, 0.05 ], '>', \$got, '2>', \$err);
$stream->pump until $got =~ /^15 /m || !$stream->pumpable;
$node->restart('immediate');
$stream->pump until $got =~ /^30 /m || !$stream->pumpable;
$node->stop('immediate');
$stream->pump until $got =~ /^40 /m || !$stream->pumpable;
$standby->promote;
ok($stream->finish, 'a stream survives a crash, the loss of the primary, and a promotion') or diag($err);
ok(length($expected) && $got eq $expected, 'with the same bytes');

Medimnet::log_is_clean($standby);
$standby->stop;
done_testing();
