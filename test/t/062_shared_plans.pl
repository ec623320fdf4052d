# The plan of a network is in memory once for all sessions, in a file that
# nobody has to clean up and that no copy of the server takes along.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('primary', catalog => 1, init => { allows_streaming => 1 });
my $image = "'2x2x1 u8 raw \\x00ff40c0'::medimnet.pixels";
my $embed = "SELECT medimnet.embed($image)";

sub plans
{
	my ($of) = @_;
	my @files = sort glob $of->data_dir . '/base/pgsql_tmp/pgsql_tmp.medimnet.*';
	return @files;
}

# Lines of the session's memory map that are of plans, and its embedding.
my $maps = "SELECT count(*) FROM regexp_matches(pg_read_file('/proc/self/maps'), 'r--s[^\n]*pgsql_tmp.medimnet', 'g')";

is(scalar(plans($node)), 0, 'before a network has been used there is no plan');
my $first = $node->safe_psql('postgres', "$embed; $maps");
like($first, qr/\n1$/, 'the first session maps the plan that it has made');
my @files = plans($node);
is(scalar(@files), 1, 'which is one file');
my $inode = (stat $files[0])[1];
is($node->safe_psql('postgres', "$embed; $maps"), $first, 'the second maps it, too, and finds the same');
is((stat((plans($node))[0]))[1], $inode, 'and has not made it anew');
is($node->safe_psql('postgres', "BEGIN; $embed; ROLLBACK; $maps"), $first, 'a transaction that fails afterwards does not matter');

# without a look at the weights
my $reads = "SELECT sum(coalesce(toast_blks_hit, 0) + coalesce(toast_blks_read, 0)) FROM pg_statio_all_tables WHERE relid = 'medimnet.model'::regclass";
my ($before, undef, $after) = split /\n/, $node->safe_psql('postgres', "SELECT pg_stat_force_next_flush(); $reads; $embed; SELECT pg_stat_force_next_flush(); $reads") =~ s/^\n+//r =~ s/\n\n+/\n/gr;
is($after, $before, 'the ONNX file is not read for that');

# another kernel set, another plan; predict() may want another output
$node->safe_psql('postgres', "LOAD 'medimnet'; SET medimnet.simd = 'portable'; $embed; SELECT medimnet.predict($image)");
cmp_ok(scalar(plans($node)), '>', 1, 'each set of kernels and each output has its own');

# damage
my $plan = (plans($node))[0];
for my $what ('garbage', 'half')
{
	for my $file (plans($node))
	{
		if ($what eq 'garbage')
		{
			open my $f, '+<', $file or die;
			print $f 'x' x 4096;
			close $f;
		}
		else { truncate $file, (-s $file) / 2 }
	}
	is($node->safe_psql('postgres', "$embed; $maps"), $first, "$what in the file: it is made anew");
}

# another library is installed after a session has loaded this one
unlink plans($node);
my $library = $node->safe_psql('postgres', "LOAD 'medimnet'; SELECT substring(pg_read_file('/proc/self/maps') FROM '[^ \n]+/medimnet\.so')");
my @times = (stat $library)[ 8, 9 ];
is($node->safe_psql('postgres', "LOAD 'medimnet';\n\\! touch -d 2001-01-01 $library\n$embed; $maps"), $first, 'a session goes on with the library that it has');
$node->safe_psql('postgres', $embed);
utime @times, $library;
is(scalar(plans($node)), 2, 'and does not share plans with those of another');

# where nothing can be written
my $folder = $node->data_dir . '/base/pgsql_tmp';
unlink plans($node);
chmod 0500, $folder;
my ($rc, $out, $err) = $node->psql('postgres', "SET client_min_messages = debug1; $embed; $maps");
chmod 0700, $folder;
is($out, $first =~ s/\n1$/\n0/r, 'without a place for it the plan is private');
like($err, qr/could not share a plan/, 'and says so to who wants to know');

# many at once: one makes it
my @sessions = map { my ($o, $e) = ('', ''); { out => \$o, err => \$e, run => IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', $embed, '-c', $maps ], '>', \$o, '2>', \$e) } } 1 .. 6;
$_->{run}->finish for @sessions;
is(join('', map { ${ $_->{out} } } @sessions), "$first\n" x 6, 'six sessions that start together find the same') or diag(map { ${ $_->{err} } } @sessions);
is(scalar(plans($node)), 1, 'and one file');

# copies of the server
$node->backup('base');
my @copied = glob $node->backup_dir . '/base/base/pgsql_tmp/*';
is(scalar(@copied), 0, 'a base backup leaves it out');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', "$embed; $maps"), $first, 'a standby computes the same');
is(scalar(plans($standby)), 1, 'from a plan of its own');
$standby->stop;

# a backend that dies takes all plans along; the next session makes one
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->reload;
my ($stdin, $stdout) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres') ], '<', \$stdin, '>', \$stdout, '2>', \my $lost);
$stdin .= "$embed; SELECT pg_backend_pid();\n";
$psql->pump until $stdout =~ /^\d+$/m;
my ($pid) = $stdout =~ /^(\d+)$/m;
kill 'KILL', $pid;
$psql->finish;
$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
is($node->safe_psql('postgres', "$embed; $maps"), $first, 'after the crash of a backend the next one plans anew');
is(scalar(plans($node)), 1, 'and nothing is left over');
$node->stop('immediate');
$node->start;
is(scalar(plans($node)), 0, 'a server that starts begins without plans');
is($node->safe_psql('postgres', "$embed; $maps"), $first, 'and makes them again');

# with the model
$node->safe_psql('postgres', "BEGIN; UPDATE medimnet.model SET license = 'x'; ROLLBACK");
is(scalar(plans($node)), 1, 'a change undone leaves the plan');
$node->safe_psql('postgres', "UPDATE medimnet.model SET license = 'x'");
is(scalar(plans($node)), 0, 'a change takes it away');
is($node->safe_psql('postgres', "$embed; $maps"), $first, 'and it is made for the new version');
$node->safe_psql('postgres', "SELECT medimnet.unload_model('default')");
is(scalar(plans($node)), 0, 'unload_model() takes it away');
($rc, $out, $err) = $node->psql('postgres', 'CREATE TABLE t (model_id int); CREATE TRIGGER x AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION medimnet.forget_plans(); INSERT INTO t VALUES (1); DELETE FROM t');
like($err, qr/forget_plans\(\) is a trigger of table medimnet\.model/, 'no other table can');
$node->stop;
done_testing();
