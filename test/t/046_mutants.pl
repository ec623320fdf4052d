# Damaged files, by the thousand, through ingest(): each has an outcome of its
# own, no process of the server dies, and none and no file is left behind.
#
#   MUTANTS         how many; 100000 is the full run
#   MUTANTS_FIRST   the first one's number: to go on where a run stopped
#   MUTANTS_LOG     a file to which each batch adds its outcomes
use strict;
use warnings;
use File::Find;
use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(max min sum);
use Medimnet;
use Png;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant BATCH => 250;

my $count = $ENV{MUTANTS} || 2000;
my $first = $ENV{MUTANTS_FIRST} || 0;
my $shared = Medimnet::shared('data');

# What mutants are made of: a sample of each kind of file, the small ones first.
my %size;
for my $folder ("$shared/crashers", "$shared/conformance", map { "$ENV{MEDIMNET_TOP}/test/fuzz/corpus/$_" } 'nifti', 'codec')
{
	find({ no_chdir => 1, wanted => sub { $size{$_} = -s if -f && !m{\.(?:tsv|md|txt)$|/found/} } }, $folder);
}
for my $images (glob "$shared/datasets/*/images")
{
	my @all;
	find({ no_chdir => 1, wanted => sub { push @all, $_ if -f } }, $images);
	@all = sort @all;
	my $step = int(@all / 20) || 1;
	$size{$_} = -s $_ for @all[map { $_ * $step } 0 .. (@all < 20 ? $#all : 19)];
}
my @files = sort { $size{$a} <=> $size{$b} || $a cmp $b } keys %size;
cmp_ok(scalar @files, '>', 400, 'of ' . @files . ' files');

my $node = Medimnet::node('mutants', catalog => 1,
	conf => "log_statement = none\nautovacuum = off\nmax_wal_size = 4GB\nmedimnet.decoder_timeout = '20s'\n");
my $scratch = $node->basedir;
my $mutants = "/usr/bin/python3 $FindBin::RealBin/mutants.py $scratch/names";
open my $f, '>', "$scratch/names" or die;
print $f "$_\n" for @files;
close $f;
$node->safe_psql('postgres', "SELECT medimnet.add_collection('mutants', 'unknown')");
# Rows of one batch make room for those of the next, so that files are stored
# and not only found to be there.
$node->safe_psql('postgres', q{
CREATE TABLE outcome (status text, reason text, n bigint);
CREATE FUNCTION count_outcomes() RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO public.outcome SELECT status, CASE status WHEN 'rejected' THEN reason END, count(*) FROM medimnet.ingest_log GROUP BY 1, 2;
	SELECT count(*) FROM medimnet.ingest_log;
$$});

# Files that belong to no table: what a helper or a library may leave behind.
sub strangers
{
	my $uid = (stat $node->data_dir)[4];
	return join ' ', sort(
		(grep { !/\.(?:key|log)$|postmaster/ } glob $node->data_dir . '/*'),
		(glob $node->data_dir . '/base/pgsql_tmp/*'),
		# as tempnam() names them
		(grep { -f && ((stat)[4] // -1) == $uid } glob '/tmp/file??????'));
}

# What psql's backend holds, with a helper that just decoded: files that are none
# of the database's own, children (a zombie is one), memory.
my $good = unpack 'H*', Png::grey(8, 8, sub { $_[0] * $_[1] });
my $holds = "SELECT medimnet.width(medimnet.decode_frame('\\x$good')) <> 8;\n" . '\! echo $(readlink /proc/$BACKEND/fd/* | grep -vc /pgdata/) files,' .
  ' $(wc -w < /proc/$BACKEND/task/$BACKEND/children) children, $(awk "/^RssAnon/ {print \$2}" /proc/$BACKEND/status) kB' . "\n";

# One session for all.
my $strangers = strangers();
my $script = "SET client_min_messages = error;\nSELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n";
for (my $at = $first; $at < $first + $count; $at += BATCH)
{
	my $n = $first + $count - $at < BATCH ? $first + $count - $at : BATCH;
	$script .= "\\echo batch $at\nSELECT clock_timestamp() AS t0 \\gset\n" .
	  "COPY medimnet.upload (collection, content, filename) FROM PROGRAM '$mutants $at $n' (FORMAT binary);\n" .
	  "SELECT 'outcomes ' || count_outcomes();\n" .
	  "SELECT 'took ' || extract(epoch FROM clock_timestamp() - :'t0'::timestamptz);\n" .
	  ($ENV{MUTANTS_LOG}
		? "COPY (SELECT $at, status, reason, count(*) FROM medimnet.ingest_log GROUP BY 2, 3) TO PROGRAM 'cat >> $ENV{MUTANTS_LOG}';\n"
		: '') .
	  "TRUNCATE medimnet.subject, medimnet.image, medimnet.ingest_log CASCADE;\n" . $holds;
}
my $begin = time;
my ($out, $err) = ('', '');
my $rc = $node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
my $took = time - $begin;
is($rc, 0, 'the session lives through all of them');
is($err, '', 'no batch ends with an error');
is(sum($out =~ /^outcomes (\d+)$/mg), $count, "each of $count mutants has an outcome");

my @held = $out =~ /^(\d+ files, \d+ children), \d+ kB$/mg;
is(scalar(@held), int(($count + BATCH - 1) / BATCH), 'all batches ran');
is(join(' | ', grep { $_ ne $held[0] } @held), '', "the backend holds no more than in the beginning: $held[0]");
like($held[0], qr/ 1 children$/, 'which is one helper');
# malloc may keep what the largest file took, until it gives it back: so what
# counts is the least of each half
my @memory = $out =~ /, (\d+) kB$/mg;
my ($before, $after) = (min(@memory[0 .. $#memory / 2]), min(@memory[@memory / 2 .. $#memory]));
cmp_ok($after - $before, '<', 32 * 1024, "its memory does not grow: $before kB and more at first, $after kB and more later");
is(strangers(), $strangers, 'no file is left');

my %status = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT status, sum(n) FROM outcome GROUP BY 1');
is(join(' ', grep { !/^(?:stored|duplicate|quarantined|rejected)$/ } keys %status), '', 'no outcome but those that there are');
is($node->safe_psql('postgres', "SELECT count(*) FROM outcome WHERE status = 'rejected' AND coalesce(reason, '') !~ '; '"), 0,
	'a refusal says why, and what to do');
cmp_ok($status{$_} // 0, '>', $count / 100, "many are $_") for 'rejected', 'stored', 'quarantined';
diag(sprintf '%d mutants in %.0f s, %.1f ms each, slowest batch %.0f s: %s', $count, $took, 1000 * $took / $count,
	max($out =~ /^took ([\d.]+)$/mg), join ', ', map { "$status{$_} $_" } sort { $status{$b} <=> $status{$a} } keys %status);
diag($_) for split /\n/, $node->safe_psql('postgres', q{
SELECT format('%s %s', lpad(sum(n)::text, 7), r) FROM (SELECT n, regexp_replace(regexp_replace(reason, ';.*', ''), '[0-9][0-9A-Fa-f.,]*', 'N', 'g') AS r
	FROM outcome WHERE status = 'rejected') t GROUP BY r ORDER BY sum(n) DESC, r LIMIT 25});

# Helpers of this installation that run, without a session.
my $pkglibdir = `pg_config --pkglibdir`;
chomp $pkglibdir;
my @helpers;
for (1 .. 50)
{
	@helpers = grep { (eval { Medimnet::slurp($_) } // '') =~ m{^\Q$pkglibdir\E/medimnet-decoder} } glob '/proc/[0-9]*/cmdline';
	last if !@helpers;
	select undef, undef, undef, 0.1;
}
is("@helpers", '', 'no helper is left');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
