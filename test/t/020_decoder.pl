# The decoder helper: whatever it is fed, and whatever happens to it, a session
# sees one clean error at most.
use strict;
use warnings;
use Compress::Zlib;
use Digest::MD5 qw(md5_hex);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

my $crashers = Medimnet::shared('data/crashers');
my $files = tempdir(CLEANUP => 1);
my $pkglibdir = `pg_config --pkglibdir`;
chomp $pkglibdir;

# ---- its sandbox ----

my $check = `'$pkglibdir/medimnet-decoder' --check-sandbox`;
is($?, 0, 'the sandbox holds') or diag($check);
unlike($check, qr/^not ok/m, 'all of it');

my $node = Medimnet::node('decoder', catalog => 1);
$node->safe_psql('postgres', q{
CREATE FUNCTION try_decode(content bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	x medimnet.pixels;
	detail text;
BEGIN
	x := medimnet.decode_frame(content);
	RETURN medimnet.width(x) || 'x' || medimnet.height(x);
EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded OR out_of_memory THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
-- how many files this backend has open
CREATE FUNCTION open_files() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/fd') $$;
});

# A PNG file of one grey level after another, whose rows compress well.
sub png
{
	my ($width, $height) = @_;
	my $chunk = sub {
		my ($type, $data) = @_;
		return pack('N', length $data) . $type . $data . pack('N', crc32($type . $data));
	};
	my $deflate = deflateInit(-Level => 1);
	my $data = '';
	for my $y (0 .. $height - 1)
	{
		# filter 4 (Paeth) is the slowest to undo
		my $row = chr(4) . pack('C*', map { ($y * 7 + $_ * $_) & 3 } 0 .. 63) x ($width / 64);
		$data .= $deflate->deflate($row);
	}
	$data .= $deflate->flush;
	return "\x89PNG\r\n\x1a\n" . $chunk->('IHDR', pack('NNCCCCC', $width, $height, 8, 0, 0, 0, 0)) .
	  $chunk->('IDAT', $data) . $chunk->('IEND', '');
}

sub spew
{
	my ($name, $bytes) = @_;
	open my $f, '>:raw', "$files/$name" or die "cannot write $name: $!";
	print $f $bytes;
	close $f;
	return "pg_read_binary_file('$files/$name')";
}
my $small = spew('small.png', png(64, 64));
my $large = spew('large.png', png(15360, 16000));

# ---- files that crash, hang or bloat GDCM ----

my @crashers = sort glob "$crashers/*";
is(scalar(@crashers), 83, 'there are 83 crashers');
my @outcomes = split /\n/, $node->safe_psql('postgres', join '',
	map { "SELECT regexp_replace(try_decode(pg_read_binary_file('$_')), E'\\n', ' ');" } @crashers);
is(scalar(@outcomes), 83, 'each has one outcome');
note(sprintf '%s: %s', $crashers[$_] =~ s{.*/}{}r, $outcomes[$_]) for 0 .. $#outcomes;

$node->safe_psql('postgres', "SELECT medimnet.add_collection('crashers', 'none')");
my @ingested = split /\n/, $node->safe_psql('postgres', join '',
	map { "SELECT status FROM medimnet.ingest('crashers', pg_read_binary_file('$_'));" } @crashers);
is(scalar(grep { /^(?:stored|duplicate|quarantined|rejected)$/ } @ingested), 83, 'ingest() has one outcome for each as well');

# ---- interrupts ----

# Runs SQL that is to fail while it decodes; milliseconds until it does so.
sub timed
{
	my ($before, $sql) = @_;
	my ($out, $err);
	$node->psql('postgres', qq{
SELECT try_decode($small);
$before
SELECT clock_timestamp() AS t0 \\gset
$sql
SET statement_timeout = 0;
SELECT 'took ' || (extract(epoch FROM clock_timestamp() - :'t0'::timestamptz) * 1000)::int;
SELECT try_decode($small);
}, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my ($took) = $out =~ /^took (\d+)$/m;
	my $survived = $out =~ /^64x64\n.*^64x64\Z/ms;
	return ($took // -1, $err, $survived);
}

# The helper of the psql session's backend gets a signal.
sub signal_helper
{
	my ($signal) = @_;
	return qq{
SELECT pg_backend_pid() AS pid \\gset
\\setenv BACKEND :pid
\\! kill -$signal \$(cat /proc/\$BACKEND/task/\$BACKEND/children)
};
}

my ($whole) = timed('', "SELECT try_decode($large);");
cmp_ok($whole, '>', 600, "a large PNG takes $whole ms to decode");

my ($took, $err, $survived) = timed('SET statement_timeout = 200;', "SELECT medimnet.decode_frame($large);");
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout ends a decode');
cmp_ok($took, '<', 400, "in time: after $took ms");
ok($survived, 'and the session decodes on');

# pg_cancel_backend from another session, while the helper is stopped
($took, $err, $survived) = timed(
	signal_helper('STOP') . '\! (sleep 0.3; psql -X -q -d postgres -c "SELECT pg_cancel_backend($BACKEND)") >/dev/null &' . "\n",
	"SELECT medimnet.decode_frame($small);");
like($err, qr/canceling statement due to user request/, 'a cancel ends a decode');
cmp_ok($took, '<', 600, "in time: $took ms, of which 300 passed before");
ok($survived, 'and the session decodes on');

($took, $err, $survived) = timed(
	signal_helper('STOP') . "SET medimnet.decoder_timeout = '300ms';", "SELECT medimnet.decode_frame($small);");
like($err, qr/decoding took longer than 300 ms/, 'a helper that hangs is one error');
cmp_ok($took, '<', 500, "after $took ms");
ok($survived, 'and the session decodes on');

# ---- death ----

($took, $err, $survived) = timed(signal_helper('KILL'), "SELECT try_decode($small);");
ok($survived, 'a helper killed between calls is replaced');

($took, $err, $survived) = timed(
	signal_helper('STOP') . '\! (sleep 0.2; kill -KILL $(cat /proc/$BACKEND/task/$BACKEND/children)) &' . "\n",
	"SELECT medimnet.decode_frame($small);");
like($err, qr/ERROR:  could not decode image\nDETAIL:  the decoder helper was ended by signal 9/, 'a helper killed in a call is one error');
ok($survived, 'and the session decodes on');

# ---- no leaks ----

my $garbage = "medimnet.decode_frame('\\x89504e470d0a1a0a0000')";
my $result = $node->safe_psql('postgres', qq{
SELECT try_decode($small);
SELECT open_files() AS before \\gset
DO \$\$ BEGIN
	FOR i IN 1..60 LOOP
		BEGIN
			PERFORM medimnet.width($garbage);
		EXCEPTION WHEN data_exception THEN NULL;
		END;
	END LOOP;
END \$\$;
SELECT try_decode($small);
SELECT open_files() - :before;
SELECT pg_backend_pid() AS pid \\gset
\\setenv BACKEND :pid
\\! wc -w < /proc/\$BACKEND/task/\$BACKEND/children
});
like($result, qr/^64x64\n64x64\n0\n1$/, '60 failures in subtransactions leave one helper and no file behind');

# ---- roles and settings ----

$node->safe_psql('postgres', 'CREATE ROLE reader; GRANT USAGE ON SCHEMA medimnet TO reader;');
$result = $node->safe_psql('postgres', qq{
SELECT pg_backend_pid() AS pid \\gset
\\setenv BACKEND :pid
CREATE TEMP TABLE one AS SELECT $small AS content;
GRANT SELECT ON one TO reader;
SELECT try_decode(content) FROM one;
\\! cat /proc/\$BACKEND/task/\$BACKEND/children
SET ROLE reader;
SELECT try_decode(content) FROM one;
\\! cat /proc/\$BACKEND/task/\$BACKEND/children
});
my ($first, $second) = $result =~ /^64x64\s+(\d+)\s+64x64\s+(\d+)/;
isnt($first, $second, 'roles do not share a helper');

my $out;
for my $setting ('decoder_timeout', 'decoder_memory', 'decoder_sandbox', 'max_frame_size', 'max_object_size')
{
	$node->psql('postgres', "SELECT try_decode($small); SET ROLE reader; SET medimnet.$setting = '1000'", stderr => \$err);
	like($err, qr/permission denied to set parameter/, "medimnet.$setting is for superusers");
}
$node->psql('postgres', "SET medimnet.max_frame_size = '3kB'; SELECT try_decode($small)", stdout => \$out);
like($out, qr/exceeds the limit/, 'a frame beyond max_frame_size is refused');
$node->psql('postgres', "SET medimnet.max_object_size = '1kB'; SELECT try_decode($large)", stdout => \$out);
like($out, qr/exceeds the limit of 1 kB/, 'a file beyond max_object_size is refused');
$node->psql('postgres', "SET medimnet.decoder_memory = '64MB'; SELECT try_decode($large)", stdout => \$out);
like($out, qr/no memory/, 'a file that needs more than decoder_memory is refused');
$node->psql('postgres', "SET medimnet.decoder_sandbox = off; SELECT try_decode($small)", stdout => \$out, stderr => \$err);
like($err, qr/WARNING:  the decoder helper runs without its sandbox/, 'no sandbox: a warning');
is($out, '64x64', 'and work');

# ---- large files and frames, which are copied past the caches ----

my $side = 2111;
my $samples = join '', map { pack('N', ($_ * 2654435761) & 0xFFFFFFFF) } 1 .. ($side * $side + 3) / 4;
$samples = substr $samples, 0, $side * $side;
my $volume = "\0" x 352; # NIfTI-1: bytes as they are, behind a header
substr($volume, 0, 4) = pack 'l<', 348;
substr($volume, 40, 16) = pack 's<8', 2, $side, $side, 1, 1, 1, 1, 1;
substr($volume, 70, 4) = pack 's<2', 2, 8;
substr($volume, 76, 32) = pack 'f<8', (1) x 8;
substr($volume, 108, 4) = pack 'f<', 352;
substr($volume, 344, 4) = "n+1\0";
my $nifti = spew('large.nii', $volume . $samples);
is($node->safe_psql('postgres', "CREATE TABLE large (content bytea); ALTER TABLE large ALTER content SET STORAGE EXTERNAL;
INSERT INTO large VALUES ($nifti);
SELECT md5(split_part(medimnet.decode_frame(value)::text, '\\x', 2)) FROM (SELECT $nifti UNION ALL SELECT content FROM large) AS _ (value)"),
	join("\n", (md5_hex(unpack 'H*', $samples)) x 2), 'arrive as they are, from memory and out of line');

# ---- no helper: no file is to blame ----

# The helper inherits the limit, and cannot set its own, higher one.
my $limited = q{
SELECT pg_backend_pid() AS pid \gset
\setenv BACKEND :pid
\! prlimit --pid $BACKEND --as=4294967296
\set VERBOSITY verbose
};
for my $sql ("SELECT medimnet.decode_frame($small)", "SELECT * FROM medimnet.ingest('crashers', $small)")
{
	$node->psql('postgres', $limited . $sql, stderr => \$err);
	like($err, qr/ERROR:  58000: could not start the decoder helper\nDETAIL:  cannot set RLIMIT_AS: .*\nHINT:  .*--check-sandbox/,
		'a helper that cannot shut itself off is an error');
}
is($node->safe_psql('postgres', "SELECT status FROM medimnet.ingest('crashers', $small)"), 'stored', 'and no file is refused for it');

# a file that its table is slow to give, here for a lock
my $padded = spew('padded.png', png(2048, 2048) . "\0" x (1 << 20));
my $index = $node->safe_psql('postgres', "CREATE TABLE kept (content bytea); ALTER TABLE kept ALTER content SET STORAGE EXTERNAL;
INSERT INTO kept VALUES ($padded); SELECT reltoastrelid::regclass || '_index' FROM pg_class WHERE oid = 'kept'::regclass");
($took, $err, $survived) = timed(qq{
\\! psql -X -q -d postgres -c "REINDEX INDEX $index; SELECT pg_sleep(2)" >/dev/null &
DO \$\$ BEGIN
	WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = '$index'::regclass AND mode = 'AccessExclusiveLock' AND granted) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END \$\$;
SET medimnet.decoder_timeout = '1s';}, 'SELECT medimnet.width(medimnet.decode_frame(content)) FROM kept;');
is($err, '', 'a file is not refused because its table is slow to give it');
cmp_ok($took, '>', 1000, "which took $took ms");

SKIP:
{
	my $program = "$pkglibdir/medimnet-decoder";
	skip 'the installation is not ours to change', 1 unless -w $pkglibdir;
	rename $program, "$program.away" or die;
	$node->psql('postgres', "SELECT * FROM medimnet.ingest('crashers', $large)", stderr => \$err);
	rename "$program.away", $program or die;
	like($err, qr/could not start the decoder helper\nDETAIL:  cannot start ".*": No such file/, 'nor for a missing program');
}

# ---- what the log keeps ----

# A literal is the file itself.
my $literal = unpack 'H*', "\0" x 128 . "DICM\x08\0\x05\0CS\x99\0SMITHERS^WAYLON";
$node->psql('postgres', "SELECT medimnet.$_") for "dicom_json('\\x$literal')", "decode_frame('\\x$literal')", "frame_count('\\x$literal')",
  "deidentify('\\x$literal', sha256(''))";
# also before a helper gets to see it
$node->psql('postgres', "SELECT medimnet.$_") for "decode_frame('\\x$literal', 0)", "deidentify('\\x$literal', '\\x00')", "ingest('nowhere', '\\x$literal')";
$node->psql('template1', "CREATE EXTENSION medimnet; SELECT medimnet.ingest('c', '\\x$literal')", stderr => \$err, on_error_stop => 0);
like($err, qr/the catalog does not exist/, 'an error before any file is looked at');
my $png = unpack 'H*', png(64, 64);
$node->psql('postgres', "SELECT medimnet.width(medimnet.decode_frame('\\x$png')) / 0");
$node->psql('postgres', "CREATE TABLE copied (x int CHECK (medimnet.width(medimnet.decode_frame('\\x$png')) < x));
COPY copied FROM stdin;\n1\n\\.\n");
timed(signal_helper('STOP') . "SET statement_timeout = 100;", "SELECT medimnet.dicom_json('\\x$literal');");
unlike(Medimnet::slurp($node->logfile), qr/STATEMENT:.*(?:$literal|$png)|CONTEXT:  COPY copied/, 'statements that fail to read a file are not in the log');

# A session that ends takes its helper along.
for (1 .. 50)
{
	last if !-e "/proc/$second";
	select undef, undef, undef, 0.1;
}
ok(!-e "/proc/$second", 'no helper outlives its session');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
