# A decoder helper that an attacker has taken over: whatever it does is one
# error in time, or one refused file; it leaves no process, no file, and the
# next call, with an honest helper, works.
#
#   HOSTILE_ABORTS   how many failures in one session; 10000 is the full run
use strict;
use warnings;
use File::Copy;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# An installation of its own, whose helper can be replaced under the server.
my $mine = tempdir(CLEANUP => 1);
chmod 0755, $mine;
my ($bindir, $pkglibdir, $sharedir) = map { my $path = `pg_config --$_`; chomp $path; $path } qw(bindir pkglibdir sharedir);
# PostgreSQL finds the others relative to its programs
my ($top) = $bindir =~ m{^(.*?)/usr/lib/postgresql/} or plan(skip_all => "no staged installation in $bindir");
plan(skip_all => 'needs a staged installation: test/run.sh makes one') if $top eq '';
system('cp', '-r', '--no-dereference', "$top/usr", $mine) == 0 or BAIL_OUT('cannot copy the installation');
s/^\Q$top\E/$mine/ for $bindir, $pkglibdir;
$ENV{PATH} = "$bindir:$ENV{PATH}";

my $program = "$pkglibdir/medimnet-decoder";
my $honest = "$program.honest";
my $hostile = "$ENV{MEDIMNET_BUILD}/hostile/hostile_helper";
-x $hostile or BAIL_OUT("no $hostile: run make test");
rename $program, $honest or die "cannot rename $program: $!";

# The next helper to start is honest, or has a fault.  A running one keeps its
# program, so the old file is moved out of the way, not written over.
sub helper_is
{
	my ($fault) = @_;
	copy($fault eq 'honest' ? $honest : $hostile, "$program.new") or die;
	chmod 0755, "$program.new";
	open my $f, '>', "$program.fault" or die;
	print $f $fault;
	close $f;
	rename "$program.new", $program or die;
}
helper_is('honest');

my $node = Medimnet::node('hostile', catalog => 1);
$node->safe_psql('postgres', "SELECT medimnet.add_collection('hostile', 'none')");
# a PNG file of one grey pixel
my $png = '89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55' .
  '0000000a49444154789c63600700000900082023c38c0000000049454e44ae426082';
my $dicom = unpack 'H*', "\0" x 128 . 'DICM' . pack('vva2vV', 2, 0, 'UL', 4, 28) .
  pack('vva2va20', 2, 0x10, 'UI', 20, '1.2.840.10008.1.2.1') . pack('vva2va2', 8, 0x60, 'CS', 2, 'CT');
my $decode = "SELECT medimnet.width(medimnet.decode_frame('\\x$png'))";
my $json = "SELECT medimnet.dicom_json('\\x$dicom') #>> '{00080060,Value,0}'";
my $count = "SELECT medimnet.frame_count('\\x$png')";
my $ingest = "SELECT status FROM medimnet.ingest('hostile', '\\x$png')";
$node->safe_psql('postgres', q{
CREATE FUNCTION failures(n int, content bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	failed int := 0;
BEGIN
	FOR i IN 1..n LOOP
		BEGIN
			PERFORM medimnet.width(medimnet.decode_frame(content));
		EXCEPTION WHEN OTHERS THEN
			failed := failed + 1;
			IF SQLERRM !~ '^could not (decode image|start the decoder helper)' THEN
				RAISE;
			END IF;
		END;
	END LOOP;
	RETURN failed;
END $$;
});
is($node->safe_psql('postgres', $decode), '1', 'the honest helper decodes');

# Whether any process runs a helper of this installation: zombies have no
# command line, the backend's children are looked at above.
sub helpers
{
	my @found;
	for my $cmdline (glob '/proc/[0-9]*/cmdline')
	{
		open my $f, '<', $cmdline or next;
		my $line = <$f> // '';
		push @found, $cmdline if $line =~ /^\Q$program\E/;
	}
	return scalar @found;
}

# psql says what its backend holds: files that are none of the database's own,
# and children, dead or alive.
my $backend = "SELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n";
sub holds
{
	my ($when) = @_;
	return "\\! echo $when \$(readlink /proc/\$BACKEND/fd/* | grep -vc /pgdata/) files, " .
	  "\$(wc -w < /proc/\$BACKEND/task/\$BACKEND/children) children\n";
}

# psql puts a helper in place, for the next start; a setting that helpers are
# started with then makes the backend start another.
sub switch_to
{
	my ($fault) = @_;
	return qq{\\! cp '@{[$fault eq 'honest' ? $honest : $hostile]}' '$program.new' && printf '%s' '$fault' > '$program.fault' && mv '$program.new' '$program'\n} .
	  "SET medimnet.decoder_memory = '" . ($fault eq 'honest' ? 512 : 511) . "MB';\n";
}

# One session: decode with an honest helper, meet the fault, go on.
#   outcome: what the faulty call must print or raise
#   within:  milliseconds
sub survives
{
	my ($fault, $sql, $outcome, %option) = @_;
	my $within = $option{within} // 1000;
	helper_is('honest');
	my ($out, $err) = ('', '');
	my $script = "$backend$decode;\n" . holds('before') . switch_to($fault) . "SET medimnet.decoder_timeout = '400ms';\n" .
	  ($option{setting} // '') . "SELECT clock_timestamp() AS t0 \\gset\n$sql;\nSET statement_timeout = 0;\n" .
	  "SELECT 'took ' || (extract(epoch FROM clock_timestamp() - :'t0'::timestamptz) * 1000)::int;\n" .
	  switch_to('honest') . "RESET medimnet.decoder_timeout;\n$decode;\n" . holds('after');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my ($took) = $out =~ /^took (\d+)$/m;
	my ($held) = $out =~ /^before (.*)$/m;
	my ($left) = $out =~ /^after (.*)$/m;
	my $errors = () = $err =~ /^\S*\s*ERROR:/mg;
	like("$out$err", $outcome, "$fault: one outcome");
	cmp_ok($errors, '<=', 1, "$fault: one error at most") or diag($err);
	cmp_ok($took // 1e9, '<', $within, "$fault: after " . ($took // 'no') . ' ms');
	is($left, $held, "$fault: nothing is left of it");
	like($out, qr/^1\nafter /m, "$fault: the next call works");
}

# A helper that never says hello is given up on in the end; other tests run
# while it does not.
helper_is('hello hangs');
my ($mute_out, $mute_err) = ('', '');
append_to_file("$mine/mute.sql", "SELECT clock_timestamp() AS t0 \\gset\n$decode;\nSELECT 'took ' || extract(epoch FROM clock_timestamp() - :'t0'::timestamptz)::int;\n");
my $mute = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$mine/mute.sql" ], '>', \$mute_out, '2>', \$mute_err);
for (1 .. 100)
{
	last if helpers();
	select undef, undef, undef, 0.1;
}
is(helpers(), 1, 'a helper that will not say hello has been started');

my $not_started = qr/ERROR:  could not (?:start the decoder helper|decode image)\nDETAIL:  /;
my $failed = qr/ERROR:  could not decode image\nDETAIL:  /;
my $nonsense = qr/${failed}the decoder helper gave an answer that makes no sense/;
my $late = qr/${failed}decoding took longer than 400 ms/;
my $cancel = qr/ERROR:  canceling statement due to statement timeout/;
my $soon = "SET statement_timeout = 200;\n";

# ---- before it says hello ----

survives('exits at once', $decode, qr/${not_started}the decoder helper exited with status 3/);
survives('crashes at once', $decode, qr/${not_started}the decoder helper was ended by signal 6/);
survives('hello half', $decode, qr/${not_started}the decoder helper exited/);
survives('hello garbage', $decode, qr/${not_started}the decoder helper gave an answer that makes no sense/);
survives('hello version', $decode, qr/${not_started}the decoder helper gave an answer that makes no sense/);
survives('hello hangs', $decode, $cancel, setting => $soon, within => 500);

# ---- dies ----

survives('dies', $decode, qr/${failed}the decoder helper exited with status 7/);
survives('crashes', $decode, qr/${failed}the decoder helper was ended by signal 11/);
survives('half', $decode, qr/${failed}the decoder helper exited with status 0/);
survives('leaves', $decode, qr/${failed}the decoder helper was ended by signal 9/);

# ---- does not answer ----

for my $fault ('hangs', 'stops', 'half hangs', 'drips', 'forks')
{
	survives($fault, $decode, $late);
	survives($fault, $decode, $cancel, setting => $soon, within => 500);
}
survives('drips fast', $decode, qr/^64$/m, within => 2000, setting => "SET medimnet.decoder_timeout = '5s';\n");

# ---- answers what makes no sense ----

survives($_, $decode, $nonsense)
  for 'garbage', 'flood', 'version', 'status', 'negative status', 'canceled', 'json length', 'content length', 'sum of lengths',
  'needs ever more', 'needs nothing new', 'side', 'samples', 'shape', 'spacing';
survives($_, $decode, qr/${failed}the result would be larger than 1 GB/) for 'needs all', 'needs 1 TB';
survives('text', $decode, qr/${failed}\?\[2J%s%n\?{247}\.$/m);
survives('count', $count, qr/DETAIL:  the decoder helper gave an answer that makes no sense/);
survives('no text', $json, qr/DETAIL:  the decoder helper gave an answer that makes no sense/);
# what it says too much is no answer to the next call, whenever it arrives
survives('extra', "$decode; $decode", qr/^64\n(?:64$|(?s:.*)makes no sense)/m);
survives('descriptors', $decode, qr/^64$/m);
survives('forks and answers', $decode, qr/^64$/m);

# ---- reaches for the memory that it shares with the backend ----

survives('meddles', $decode, qr/^64$/m);
survives('scribbles', $decode, qr/^64$/m);
survives('scribbles', "SELECT medimnet.dicom_json('\\x$dicom') IS NOT NULL", qr/^t$|makes no sense|invalid input syntax for type json/m);

# ---- has children ----

# One that gets away lives on as long as it likes, in memory that is nobody's
# any more.  This takes a program that was replaced: see what follows.
survives('escapes', $decode, qr/^64$/m);
survives('escapes', "SELECT medimnet.dicom_json('\\x$dicom') IS NOT NULL", qr/makes no sense/);

# ---- what the sandbox leaves to an attacker ----

my $killed = qr/${failed}the decoder helper was ended by signal 31/;
sub refused { return qr/${failed}refused with error $_[0]\./ }
survives("sandboxed $_->[0]", $decode, $_->[1])
  for ['forks', refused(11)], ['clones', refused(11)], ['vforks', $killed], ['leaves the session', $killed], ['leaves the group', $killed],
  ['opens', refused(13)], ['creates', refused(13)], ['connects', $killed], ['executes', $killed], ['traces', $killed], ['kills', $killed],
  ['writes memory', $killed], ['truncates', $killed];
# nor can it have children where medimnet.decoder_sandbox is off
survives("limited $_", $decode, refused(11)) for 'forks', 'vforks', 'clones';

# ---- a load goes on ----

survives($_, $ingest, qr/^rejected$/m)
  for 'dies', 'crashes', 'half', 'hangs', 'drips', 'garbage', 'flood', 'json length', 'needs all', 'no text', 'text', 'scribbles', 'forks';

# ---- thousands ----

my $aborts = $ENV{HOSTILE_ABORTS} || 1_000;
helper_is('honest');
my $begin = time;
my $out = $node->safe_psql('postgres', "$backend$decode;\n" . holds('before') . switch_to('mixed') .
	"SELECT 'failed ' || failures($aborts, '\\x$png');\n" . switch_to('honest') . "$decode;\n" . holds('after'));
my ($count_failed) = $out =~ /^failed (\d+)$/m;
is($count_failed, $aborts, sprintf '%d of %d calls failed, in %.0f s', $count_failed, $aborts, time - $begin);
like($out, qr/^1\nbefore (.*)\n.*^1\nafter \1\Z/ms, 'then there is one child and no file more, and the next call works');
diag("$count_failed failures: ", $out =~ /^(before.*)$/m, ', ', $out =~ /^(after.*)$/m);

$mute->finish;
like($mute_err, qr/ERROR:  could not start the decoder helper\nDETAIL:  it did not answer within 30 s\.\nHINT:/, 'a helper that never says hello is one error');
like($mute_out, qr/^took 3[0-3]$/, 'after 30 s');

for (1 .. 50)
{
	last if helpers() == 0;
	select undef, undef, undef, 0.1;
}
is(helpers(), 0, 'no helper, and no child of one, is left on the machine');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
