# The command medimnet import.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::Bin;
use IPC::Run qw(start);
use Medimnet;
use Png;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

program_help_ok('medimnet');
program_version_ok('medimnet');
for my $command ('import', 'pull')
{
	my ($status, $out, $err) = medimnet_plain($command, '--help');
	is($status, 0, "$command --help ends well");
	like($out, qr/^Usage: medimnet $command /, "$command --help shows usage");
	is($err, '', "$command --help is quiet on stderr");
	is_deeply([ grep { length > 80 } split /\n/, $out ], [], "$command --help fits 80 columns");
}

my $node = Medimnet::node('import', catalog => 1);
my $folder = PostgreSQL::Test::Utils::tempdir;

# The command's exit status, stdout and stderr.
sub medimnet_plain
{
	my @command = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'medimnet', @command ], '>', \$out, '2>', \$err);
	return ($? & 127 ? $? : $? >> 8, $out, $err);
}

sub medimnet
{
	my ($command, @arguments) = @_;
	return medimnet_plain($command, '-d', $node->connstr('postgres'), @arguments);
}

# The count that a summary gives for an outcome.
sub count
{
	my ($out, $outcome) = @_;
	return $out =~ /^$outcome +(\d+)$/m ? $1 : undef;
}

# Images that differ in many pixels, by number.
my $made = 0;

sub image
{
	my ($path) = @_;
	my $seed = ++$made;
	Png::write_grey("$folder/$path", 40, 32, sub { $_[0] * 3 + $_[1] * $seed * 5 + ($_[0] * $_[1] * $seed >> 3) });
	return;
}

sub text
{
	my ($path, $text) = @_;
	open my $file, '>:raw', "$folder/$path" or die "cannot write $path: $!";
	print $file $text;
	close $file or die "cannot write $path: $!";
	return;
}

make_path(map { "$folder/$_" } 'set/cat', 'set/dog', 'set/.hidden', 'more');
image("set/cat/$_.png") for 1 .. 3;
image("set/dog/$_.png") for 1 .. 2;
image('set/.hidden/1.png');
image("more/$_.png") for 1 .. 4;
text('set/dog/notes.txt', "not an image\n");
text('set/dog/empty.png', '');
symlink '../cat', "$folder/set/dog/to-folder" or die;
symlink '../set/cat/1.png', "$folder/more/to-file.png" or die;
symlink '../more', "$folder/more/loop" or die;

# what cannot start
my ($status, $out, $err) = medimnet('import', "$folder/set");
is($status, 2, 'no --collection: exit status 2');
like($err, qr/needs --collection/, 'no --collection: says so');
($status, $out, $err) = medimnet('import', '--collection', 'pets');
is($status, 2, 'no folder: exit status 2');
($status, $out, $err) = medimnet('import', '--collection', 'pets', "$folder/set");
is($status, 2, 'unknown collection: exit status 2');
like($err, qr/no collection "pets"; --create/, 'unknown collection: says what to do');
($status, $out, $err) = medimnet('import', '--collection', 'pets', '--create', "$folder/nowhere");
is($status, 2, 'no such folder: exit status 2');
like($err, qr{nowhere: No such file}, 'no such folder: says so');
($status, $out, $err) = medimnet_plain('import', '-d', 'host=/nowhere', '--collection', 'pets', "$folder/set");
is($status, 2, 'no server: exit status 2');
($status, $out, $err) = medimnet_plain('import', '-d', $node->connstr('template1'), '--collection', 'pets', "$folder/set");
is($status, 2, 'no extension: exit status 2');
($status, $out, $err) = medimnet('import', '--collection', 'pets', '-j', '0', "$folder/set");
like($err, qr/whole number from 1/, 'number of jobs out of range');

# a folder with good and bad files
($status, $out, $err) =
  medimnet('import', '--collection', 'pets', '--create', '--license', 'CC0-1.0', '--label-from-folder', "$folder/set");
is($status, 1, 'some files rejected: exit status 1');
is(count($out, 'stored'), 5, 'good files are stored');
is(count($out, 'rejected'), 2, 'bad files are rejected');
is(count($out, 'duplicate'), 0, 'no duplicates');
like($err, qr{^\Q$folder\E/set/dog/notes\.txt: \S}m, 'a refused file is named with the reason');
like($err, qr{^\Q$folder\E/set/dog/empty\.png: \S}m, 'so is the other');
like($err, qr{^100%  7 of 7 files, .* 2 refused$}m, 'a plain line of progress');
unlike($err, qr/[\r\e]/, 'no control characters');
like($out, qr/^1 links to folders: not followed$/m, 'links to folders are counted');
is($node->safe_psql('postgres', 'SELECT label, count(*) FROM medimnet.catalog GROUP BY 1 ORDER BY 1'),
	"cat|3\ndog|2", 'labels are the names of folders');
is($node->safe_psql('postgres', "SELECT license FROM medimnet.collection WHERE name = 'pets'"),
	'CC0-1.0', '--create takes the licence');

# again
($status, $out, $err) = medimnet('import', '--collection', 'pets', '--quiet', "$folder/set/cat", "$folder/more");
is($status, 0, 'stored and duplicate only: exit status 0');
is(count($out, 'duplicate'), 4, 'duplicates, one by a link');
is(count($out, 'stored'), 4, 'the rest is stored');
is($err, '', '--quiet shows no progress');

# a table of labels
make_path("$folder/table/sub");
image("table/$_.png") for 1 .. 3;
image('table/sub/x.png');
image('table/unlisted.png');
text('table/labels.tsv', "\xef\xbb\xbfModality\tnote\tPath\tLabel\tslide\tanatomy\r\n"
	  . "XC\t\"two\twords \"\"quoted\"\"\"\t1.png\tround|large\ts1\tSKIN\r\n"
	  . "\t\t./2.png\t\"say \"\"{A,B}\"\"\"\ts1\t\r\n"
	  . "\r\n"
	  . "\t\tsub/x.png\tround\ts2\r\n"
	  . "\t\tsub/x.png\tred\t\t\r\n"
	  . "\t\tgone.png\tround\ts3");
my @table = ('--collection', 'table', '--create', '--subject-column', 'slide', '--labels', "$folder/table/labels.tsv");
($status, $out, $err) = medimnet('import', @table, "$folder/table");
is($status, 1, 'a file of the table is missing: exit status 1');
is(count($out, 'stored'), 3, 'the listed files are stored');
is(count($out, 'missing'), 1, 'one is missing');
like($err, qr{/table/gone\.png: listed in .*No such file}m, 'the missing file is named');
like($out, qr/^2 files are not listed in .*: not sent$/m, 'unlisted files are counted, the table is not');
is($node->safe_psql('postgres', <<'SQL'), <<'ROWS' =~ s/\n\z//r, 'what the table says arrives');
SELECT labels, modality, modality_source, anatomy_source, dense_rank() OVER (ORDER BY first) FROM (
	SELECT *, min(image_id) OVER (PARTITION BY subject_id) AS first
	FROM medimnet.catalog WHERE collection = 'table') c ORDER BY labels
SQL
{large,round}|XC|contributor|contributor|1
{red,round}|unknown|unknown|unknown|2
{"say \"{A,B}\""}|unknown|unknown|unknown|1
ROWS
($status, $out, $err) = medimnet('import', @table);
is(count($out, 'duplicate'), 3, 'without a folder: all that the table lists');
is(count($out, 'missing'), 1, 'and what is missing');
($status, $out, $err) = medimnet('import', @table, "$folder/table/sub");
is($status, 0, 'with a folder: only what is below it');
is(count($out, 'duplicate'), 1, 'that is one file');

text('table/conflict.tsv', "path\tpatient_id\n1.png\ta\n2.png\tb\n./1.png\tc\n");
($status, $out, $err) = medimnet('import', '--collection', 'table', '--labels', "$folder/table/conflict.tsv");
is($status, 2, 'a table that contradicts itself: exit status 2');
like($err, qr/lines 2 and 4 .* two different subjects/, 'and where');
text('table/open.tsv', "path\tlabel\n1.png\t\"a\n2.png\tb\n");
($status, $out, $err) = medimnet('import', '--collection', 'table', '--labels', "$folder/table/open.tsv");
is($status, 2, 'an open quote: exit status 2');
like($err, qr/line 2: a quoted field has no end/, 'and where');
text('table/none.tsv', "a\tb\n1\t2\n");
($status, $out, $err) = medimnet('import', '--collection', 'table', '--labels', "$folder/table/none.tsv");
like($err, qr/no column "path"/, 'a table without paths');
($status, $out, $err) = medimnet('import', @table, '--label-column', 'nope');
like($err, qr/no column "nope"/, 'a column that is not there');

# an error of the server for one file, and one for all
make_path("$folder/odd/good", "$folder/odd/evil");
image("odd/good/$_.png") for 1 .. 6;
image('odd/evil/1.png');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.name = 'evil' THEN RAISE data_exception USING MESSAGE = 'no evil here'; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER fail BEFORE INSERT ON medimnet.finding FOR EACH ROW EXECUTE FUNCTION fail();
SQL
($status, $out, $err) = medimnet('import', '--collection', 'odd', '--create', '--label-from-folder', '-j', '1', "$folder/odd");
is($status, 1, 'an error for one file: exit status 1');
is(count($out, 'stored'), 6, 'the others are stored');
is(count($out, 'failed'), 1, 'that one is not');
like($err, qr{evil/1\.png: no evil here}, 'the error is shown');
$node->safe_psql('postgres', 'DROP FUNCTION fail() CASCADE');
($status, $out, $err) = medimnet_plain('import', '-d', $node->connstr('postgres') . ' options=-cdefault_transaction_read_only=on',
	'--collection', 'odd', "$folder/odd");
is($status, 2, 'a read-only server: exit status 2');
like($err, qr/read-only transaction/, 'and why');

# stopped half-way
make_path("$folder/stop");
image("stop/$_.png") for 1 .. 30;

sub blocked_import
{
	my ($strike) = @_;
	my $lock = $node->background_psql_lock;
	my ($out, $err) = ('', '');
	my $import = start(
		[ 'medimnet', 'import', '-d', $node->connstr('postgres'), '-j', '2', '--collection', 'odd', "$folder/stop" ],
		'>', \$out, '2>', \$err);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
	  or die 'the import does not wait';
	$strike->($import);
	usleep(300_000);
	$lock->();
	$import->finish;
	my $status = $import->full_result(0);
	return ($status & 127 ? $status : $status >> 8, $out, $err);
}

# Holds a lock that ingest() needs; the result gives it back.
sub PostgreSQL::Test::Cluster::background_psql_lock
{
	my ($self) = @_;
	my ($in, $out) = ("BEGIN; LOCK TABLE medimnet.image IN EXCLUSIVE MODE; SELECT 'locked';\n", '');
	my $psql = start([ 'psql', '-XAtq', '-d', $self->connstr('postgres') ], '<', \$in, '>', \$out);
	$psql->pump until $out =~ /locked/;
	return sub { $in .= "COMMIT;\n\\q\n"; $psql->finish; };
}

($status, $out, $err) = blocked_import(sub { $_[0]->signal('INT') });
is($status, 130, 'interrupted: exit status 130');
my $finished = count($out, 'stored');
cmp_ok($finished, '<', 30, 'interrupted: not all was sent');
cmp_ok($finished, '>=', 2, 'interrupted: what was under way is finished');
like($err, qr/interrupted; run the same command again/, 'interrupted: says how to go on');
($status, $out, $err) = blocked_import(
	sub {
		$node->safe_psql('postgres',
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
	});
is($status, 2, 'connection lost: exit status 2');
like($err, qr/terminating connection/, 'connection lost: says so');
like($err, qr/fate of \d+ files is not known/, 'connection lost: what is in doubt');
($status, $out, $err) = medimnet('import', '--collection', 'odd', "$folder/stop");
is($status, 0, 'the next run goes on');
is(count($out, 'stored') + count($out, 'duplicate'), 30, 'and comes to the end');
cmp_ok(count($out, 'duplicate'), '>=', $finished, 'what was there is a duplicate');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
