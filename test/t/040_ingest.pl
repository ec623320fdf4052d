# What ingest() and upload make of good files, bad files and files sent twice.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use Png;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Compress::Zlib;

# A grey PNG of 16 by 16, told from others by its seed.
sub png
{
	my ($seed) = @_;
	my $chunk = sub {
		my ($type, $data) = @_;
		return pack('N', length $data) . $type . $data . pack('N', crc32($type . $data));
	};
	my $rows = join '', map { my $y = $_; "\0" . join '', map { chr(($_ * 7 + $y * $seed) % 256) } 0 .. 15 } 0 .. 15;
	return "\x89PNG\r\n\x1a\n" . $chunk->('IHDR', pack('NNCCCCC', 16, 16, 8, 0, 0, 0, 0)) . $chunk->('IDAT', compress($rows)) . $chunk->('IEND', '');
}

sub literal
{
	return "'\\x" . unpack('H*', $_[0]) . "'::bytea";
}

my $node = Medimnet::node('ingest', conf => "log_statement = none\n");
my ($out, $err, $rc);
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');

# before there is a catalog
for my $call ("ingest('c', NULL)", "add_collection('c', 'CC0')", 'release_image(1)', 'is_a(1, 2)')
{
	($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.$call");
	like($err, qr/the catalog does not exist\nHINT:.*create_catalog/, "$call without a catalog says what to do");
}

$node->safe_psql('postgres', 'SELECT medimnet.create_catalog()');
($rc, $out, $err) = $node->psql('postgres', 'SELECT medimnet.create_catalog()');
like($err, qr/the catalog exists already/, 'there is one catalog');
($rc, $out, $err) = $node->psql('postgres', 'SELECT medimnet.create_catalog(-1)');
like($err, qr/partitions must be/, 'no negative number of partitions');

my $key = $node->data_dir . '/medimnet.key';
is(-s $key, 32, 'a key of 32 bytes was made');
is((stat $key)[2] & 0777, 0600, 'and only its owner may read it');

is($node->safe_psql('postgres', "SELECT medimnet.add_collection('c', 'CC0-1.0', 'C', 'https://example.org', 'Nobody')"), 1, 'a collection');
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.add_collection('c', 'CC0-1.0')");
like($err, qr/collection 'c' exists already/, 'its name is unique');
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.add_collection('d', ' ')");
like($err, qr/needs a name and a licence/, 'no collection without a licence');
$node->safe_psql('postgres', "SELECT medimnet.add_collection('other', 'CC0-1.0')");

# a caller's mistake is an error, and leaves no bytes in the log
my $mark = 'FAMILYNAME^GIVEN';
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.ingest('nowhere', '$mark'::bytea)");
like($err, qr/collection "nowhere" does not exist\nHINT:.*add_collection/, 'unknown collection');
unlike(Medimnet::slurp($node->logfile), qr/\Q$mark\E/, 'the statement is not logged');

# stored, and sent again
sub ingest
{
	my ($bytes, $more) = @_;
	$more = defined $more ? ", $more" : '';
	return $node->safe_psql('postgres', "SELECT * FROM medimnet.ingest('c', " . literal($bytes) . "$more)");
}
my $counts = sub {
	return $node->safe_psql('postgres',
		join ' UNION ALL ', map { "SELECT '$_ ' || count(*) FROM medimnet.$_" } qw(subject study series image image_content finding label));
};
is(ingest(png(1), "NULL, '{ cat ,dog,cat,\"\"}'"), 'stored|1|', 'a PNG file');
my $before = $counts->();
is(ingest(png(1), "'x.png', '{dog,\" \"}'"), 'duplicate|1|the same file is there already, as image 1', 'the same again');
is($node->safe_psql('postgres', "SELECT * FROM medimnet.ingest('other', " . literal(png(1)) . ')'),
	'duplicate|1|the same file is there already, as image 1', 'the same to another collection');
is($node->safe_psql('postgres', "SELECT * FROM medimnet.ingest('other', " . literal(png(1)) . ", labels => '{wolf}')"),
	'duplicate|1|the same file is there already, as image 1, of another collection: its labels are not changed', 'which cannot label it');
is($counts->(), $before, 'sending twice changes nothing');
is($node->safe_psql('postgres', 'SELECT label IS NULL, labels FROM medimnet.catalog'), 't|{cat,dog}', 'labels are trimmed and told once');

# labels that come later
is(ingest(png(1), "labels => '{bird,cat}'"), 'duplicate|1|the same file is there already, as image 1; 1 label added', 'a new label is added');
is(ingest(png(1), "labels => '{bird,fish,\"fish \",worm}'"), 'duplicate|1|the same file is there already, as image 1; 2 labels added', 'and counted once');
is($node->safe_psql('postgres', 'SELECT labels FROM medimnet.catalog'), '{bird,cat,dog,fish,worm}', 'the image has them all');
is($node->safe_psql('postgres', "SELECT DISTINCT source FROM medimnet.label"), 'contributor', 'by its contributor');
$node->safe_psql('postgres', "DELETE FROM medimnet.label l USING medimnet.finding f WHERE l.finding_id = f.finding_id AND f.name IN ('bird', 'fish', 'worm')");

# bad files
for my $bad (['', qr/the file is empty/], ['hello, world', qr/./], [substr(png(2), 0, 60), qr/./], ["\x89PNG\r\n\x1a\n", qr/./])
{
	my ($bytes, $reason) = @$bad;
	my ($status, $image, $why) = split /\|/, ingest($bytes, "'Doe_John.png'");
	is("$status $image", 'rejected ', length($bytes) . ' bad bytes are rejected');
	like($why, $reason, 'and says why');
	like($why, qr/; /, 'and what to do');
}
is($node->safe_psql('postgres', "SELECT status FROM medimnet.ingest('c', NULL)"), 'rejected', 'no bytes at all');
is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.ingest_log l WHERE l::text LIKE '%Doe_John%'"), 0, 'the name of a file is not kept');

like(ingest(png(2), "NULL, ARRAY['cat', '" . join('', map { chr(33 + rand 6) . chr(48 + rand 75) } 1 .. 5000) =~ s/[\\']//gr . "']"),
	qr/^rejected\|\|a label is longer than 500 characters;/, 'a label that no index holds does not end the load');

# whose, how, what
is(ingest(png(3), "NULL, NULL, 'patient 7', 'MRI', 'left hand'"), 'stored|2|', 'with a subject, a modality, a body part');
is(ingest(png(4), "NULL, NULL, ' patient 7 '"), 'stored|3|', 'the same subject');
is($node->safe_psql('postgres', "SELECT * FROM medimnet.ingest('other', " . literal(png(5)) . ", NULL, NULL, 'patient 7')"), 'stored|4|', "another collection's patient 7");
is($node->safe_psql('postgres', 'SELECT count(DISTINCT subject_id) FROM medimnet.image WHERE image_id IN (2, 3)'), 1, 'is one subject');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT subject_id) FROM medimnet.image'), 3, 'is somebody else');
is($node->safe_psql('postgres', 'SELECT modality, modality_source, medimnet.is_a(anatomy, $$hand$$), anatomy_source FROM medimnet.catalog WHERE image_id = 2'),
	'MR|contributor|t|contributor', 'the contributor said so');
like(ingest(png(6), "modality => 'no such thing'"), qr/^stored\|5\|.*modality_alias/, 'an unknown modality is said, the image is kept');
is($node->safe_psql('postgres', 'SELECT modality, modality_source, anatomy, anatomy_source FROM medimnet.image WHERE image_id = 5'), 'unknown|unknown|unknown|unknown', 'as unknown');
$node->safe_psql('postgres', "INSERT INTO medimnet.finding_alias SELECT collection_id, 'chat', finding_id FROM medimnet.finding WHERE name = 'cat'");
ingest(png(7), "labels => '{chat}'");
is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.catalog WHERE label = 'cat'"), 1, 'an alias of a label');

# upload
is($node->safe_psql('postgres', "INSERT INTO medimnet.upload (collection, content, labels) VALUES ('c', " . literal(png(8)) . ", '{a}'), ('c', 'junk', NULL)"), '', 'INSERT INTO upload');
my $copy = $node->basedir . '/upload.txt';
open my $f, '>', $copy or die;
print $f join("\t", 'c', '\\\\x' . unpack('H*', png($_)), "f$_.png", '{b}', "s$_"), "\n" for 8 .. 40;
print $f "c\t\\\\x00\tbad.png\t\\N\t\\N\n";
close $f;
($rc, $out, $err) = $node->psql('postgres', "COPY medimnet.upload (collection, content, filename, labels, subject) FROM '$copy'");
like($err, qr/NOTICE:  bad\.png: rejected: .*; /, 'the client is told which file was refused');
is($node->safe_psql('postgres', "SELECT status, count(*) FROM (SELECT * FROM medimnet.ingest_log ORDER BY log_id DESC LIMIT 34) t GROUP BY 1 ORDER BY 1"),
	"duplicate|1\nrejected|1\nstored|32", 'COPY upload: a bad row does not stop the others');

# DICOM
SKIP:
{
	my $dir = Medimnet::pydicom_files();
	skip 'python3-pydicom is not installed', 1 unless -e "$dir/CT_small.dcm";
	my $read = sub { $node->safe_psql('postgres', "SELECT status, image_id FROM medimnet.ingest('c', pg_read_binary_file('$dir/$_[0]')" . ($_[1] // '') . ')') };
	my ($status, $id) = split /\|/, $read->('CT_small.dcm');
	is($status, 'stored', 'a CT');
	is($node->safe_psql('postgres', "SELECT modality, modality_source, width, height, channels, frames FROM medimnet.catalog WHERE image_id = $id"),
		'CT|tag|128|128|1|1', 'what it is');
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.image JOIN medimnet.series s USING (subject_id, series_id)
		JOIN medimnet.study t USING (subject_id, study_id) WHERE image_id = $id AND study_uid LIKE '2.25.%' AND series_uid LIKE '2.25.%' AND sop_instance_uid LIKE '2.25.%'"),
		1, 'its series and study, with UIDs replaced');
	is($node->safe_psql('postgres', "SELECT content_hash = medimnet.content_hash(medimnet.decode_frame(content)) FROM medimnet.image JOIN medimnet.image_content USING (image_id) WHERE image_id = $id"),
		't', 'the stored file decodes to what was received');
	($status, my $mr) = split /\|/, $read->('MR_small.dcm', ", body_part => 'knee'");
	is($node->safe_psql('postgres', "SELECT '$status', modality, anatomy_source, medimnet.is_a(anatomy, 'lower limb') FROM medimnet.image WHERE image_id = $mr"),
		'stored|MR|contributor|t', 'an MR whose part is told');

	# quarantine
	my ($us, $us_file);
	for my $file (grep { !/CT_small|MR_small/ } map { s{.*/}{}r } grep { -s $_ < 300_000 } glob "$dir/*.dcm")
	{
		($status, $us) = split /\|/, $read->($us_file = $file);
		last if $status eq 'quarantined';
	}
	is($status, 'quarantined', 'a file that may have text in its pixels');
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.catalog WHERE image_id = $us"), 0, 'and is not in the catalog');
	isnt($node->safe_psql('postgres', "SELECT reason FROM medimnet.quarantine WHERE image_id = $us"), '', 'but in quarantine, with the reason');
	$node->safe_psql('postgres', "SELECT medimnet.release_image($us)");
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.catalog WHERE image_id = $us"), 1, 'until it is released');
	($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.reject_image($us)");
	like($err, qr/is not in quarantine/, 'which is final');
	$node->safe_psql('postgres', "UPDATE medimnet.image SET status = 'quarantined' WHERE image_id = $us; SELECT medimnet.reject_image($us)");
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.image_content WHERE image_id = $us"), 0, 'rejected: the bytes are gone');
	is($read->($us_file), "rejected|$us", 'and refused when they come again');
}

# two sessions, one file
{
	my ($one, $two) = ('', '');
	my $sql = 'SELECT status FROM medimnet.ingest($$c$$, ' . literal(png(200)) . ')';
	my $first = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "BEGIN; $sql; SELECT pg_sleep(2); COMMIT"], '>', \$one);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
	my $second = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql], '>', \$two);
	$first->finish;
	$second->finish;
	like($one, qr/^stored/, 'the first session stores');
	is($two, "duplicate\n", 'the second waits for it and finds a duplicate');
	is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.image WHERE file_hash = sha256(" . literal(png(200)) . ')'), 1, 'one image');
}

# who may
$node->safe_psql('postgres', 'CREATE ROLE contributor LOGIN; CREATE ROLE nobody LOGIN; GRANT USAGE ON SCHEMA medimnet TO contributor, nobody');
for my $call ("ingest('c', 'x')", "add_collection('e', 'x')", 'create_catalog()', 'release_image(1)', 'reject_image(1)', 'accept_deid_key()', "receive_image('x', 'x')", 'deid_key_check(true)')
{
	($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.$call", extra_params => [ '-U', 'nobody' ]);
	like($err, qr/permission denied/, "nobody may not call $call");
}
my ($grants) = Medimnet::slurp("$FindBin::RealBin/../../doc/catalog.md") =~ /<!-- contributor -->\s*```sql\n(.*?)```/s;
$node->safe_psql('postgres', $grants);
is($node->safe_psql('postgres', "SELECT status FROM medimnet.ingest('c', " . literal(png(201)) . ", labels => '{new}')", extra_params => [ '-U', 'contributor' ]),
	'stored', 'a contributor, with the grants of doc/catalog.md');
$node->safe_psql('postgres', "INSERT INTO medimnet.upload (collection, content) VALUES ('c', " . literal(png(202)) . ')', extra_params => [ '-U', 'contributor' ]);
is($node->safe_psql('postgres', 'SELECT role, status FROM medimnet.ingest_log ORDER BY log_id DESC LIMIT 1'), 'contributor|stored', 'also through upload');
($rc, $out, $err) = $node->psql('postgres', 'SELECT content FROM medimnet.image_content', extra_params => [ '-U', 'contributor' ]);
like($err, qr/permission denied/, 'who may not read the images');

# of blank images nobody can tell whose they are: they make no two subjects one
for my $n (1 .. 3)
{
	for my $image (literal(Png::grey(8, 8, sub { 0 })), literal(Png::grey(8, 8, sub { $_[0] + ($n < 3 ? 1 : 3) })))
	{
		# the same pixels in another file each time
		$node->safe_psql('postgres', "SELECT medimnet.ingest('c', $image || '\\x0$n'::bytea, labels => '{shade}', subject => 'shade $n')");
	}
}
my $shades = "FROM medimnet.image JOIN medimnet.label USING (image_id) JOIN medimnet.finding USING (finding_id) WHERE name = 'shade'";
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT content_hash), count(*) - count(content_hash) $shades"), '6|2|3', 'blank images have no content hash');
$node->safe_psql('postgres', qq{SELECT medimnet.create_dataset('shades', \$\$SELECT image_id, name AS label $shades\$\$)});
is($node->safe_psql('postgres', "SELECT count(DISTINCT group_id), count(DISTINCT subject_id) FROM medimnet.dataset_subject"), '2|3', 'and do not make subjects one, as others do');

# another key is another identity
rename $key, "$key.away" or die;
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.ingest('c', " . literal(png(203)) . ')');
like($err, qr/could not open the key of de-identification/, 'without its key the catalog takes nothing');
open $f, '>', $key or die;
print $f 'x' x 32;
close $f;
chmod 0644, $key;
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.ingest('c', " . literal(png(203)) . ')');
like($err, qr/is open to others/, 'nor with a key that all can read');
chmod 0600, $key;
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.ingest('c', " . literal(png(203)) . ')');
like($err, qr/is not the one that this catalog was made with/, 'nor with another');
unlike(Medimnet::slurp($node->logfile), qr/89504e470d0a/i, "no file's bytes are in the log");
$node->safe_psql('postgres', 'SELECT medimnet.accept_deid_key()');
is($node->safe_psql('postgres', "SELECT status FROM medimnet.ingest('c', " . literal(png(203)) . ')'), 'stored', 'until that is accepted');
unlink $key;
rename "$key.away", $key;

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
