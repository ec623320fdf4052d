# The catalog's tables: whose they are, dump and restore, partitions.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('catalog');
my $dir = Medimnet::pydicom_files();
my ($rc, $out, $err);
my @tables = qw(catalog_info collection finding finding_alias subject study series image image_content label model image_embedding ingest_log);
my @files = grep { -s $_ && -s $_ < 300_000 } glob "$dir/*.dcm";
@files = @files[ 0 .. 29 ] if @files > 30;

for my $partitions (0, 3)
{
	my $db = "p$partitions";
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE EXTENSION medimnet; SELECT medimnet.create_catalog($partitions); SELECT medimnet.add_collection('c', 'MIT')");
	my $list = join ',', map { "'$_'" } @files;
	$node->safe_psql($db, "SELECT count(r.status) FROM unnest(ARRAY[$list]) AS f, medimnet.ingest('c', pg_read_binary_file(f), labels => ARRAY[left(md5(f), 1)]) AS r") for 1 .. 2;
	is($node->safe_psql($db, "SELECT count(*) FROM medimnet.ingest_log WHERE status IN ('stored', 'quarantined')"),
		$node->safe_psql($db, 'SELECT count(*) FROM medimnet.image_content'), "$db: every file that was taken is there once");
	cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM medimnet.image'), '>=', 10, "$db: there are images");
	is($node->safe_psql($db, 'SELECT count(*) FROM medimnet.image'), $node->safe_psql($db, 'SELECT count(DISTINCT file_hash) FROM medimnet.image'), "$db: no file twice");
	is($node->safe_psql($db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'medimnet.image'::regclass"), $partitions, "$db: partitions");

	# not the extension's
	is($node->safe_psql($db, "SELECT count(*) FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
		WHERE d.deptype = 'e' AND c.relname IN ('image', 'image_p0', 'image_id_seq', 'catalog', 'upload', 'subject', 'ingest_log')"), 0, "$db: no member of the extension");
	($rc, $out, $err) = $node->psql($db, 'DROP EXTENSION medimnet');
	like($err, qr/cannot drop extension medimnet because other objects depend on it/, "$db: DROP EXTENSION refuses");

	# every table and column says what it is
	is($node->safe_psql($db, "SELECT string_agg(c.relname || coalesce('.' || a.attname, ''), ' ') FROM pg_class c
		LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'v'
		WHERE c.relnamespace = 'medimnet'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
		AND (col_description(c.oid, a.attnum) IS NULL AND a.attnum IS NOT NULL OR obj_description(c.oid, 'pg_class') IS NULL)"), '', "$db: all have comments");

	# dump and restore, with rows of one's own in the taxonomies
	$node->safe_psql($db, "INSERT INTO medimnet.anatomy (code, name, parent) VALUES ('mine', 'My part', '39607008');
		INSERT INTO medimnet.anatomy_alias (alias, code) VALUES ('MYPART', 'mine');
		INSERT INTO medimnet.modality (code, name, parent) VALUES ('MYMOD', 'My modality', 'imaging');
		INSERT INTO medimnet.known_dataset (name) VALUES ('My dataset');
		UPDATE medimnet.image SET anatomy = 'mine', anatomy_source = 'curator' WHERE image_id = (SELECT min(image_id) FROM medimnet.image)");
	my $dump = $node->basedir . "/$db.dump";
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $db ], "$db: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE ${db}_again");
	$node->command_ok([ 'pg_restore', '-e', '-d', "${db}_again", $dump ], "$db: pg_restore");
	my $digest = join ' UNION ALL ', map { "SELECT '$_', md5(string_agg(t::text, ',' ORDER BY t::text)) FROM medimnet.$_ t" } @tables, qw(anatomy anatomy_alias modality known_dataset catalog);
	is($node->safe_psql("${db}_again", $digest), $node->safe_psql($db, $digest), "$db: the same rows");
	is($node->safe_psql("${db}_again", 'SELECT last_value FROM medimnet.image_id_seq'), $node->safe_psql($db, 'SELECT last_value FROM medimnet.image_id_seq'), "$db: the same sequences");
	is($node->safe_psql("${db}_again", "SELECT medimnet.map_anatomy('my part'), medimnet.is_a('mine', 'thorax')"), 'mine|t', "$db: the user's part of the body");
	is($node->safe_psql("${db}_again", "SELECT status FROM medimnet.ingest('c', pg_read_binary_file('$dir/CT_small.dcm'))"), 'duplicate', "$db: and work goes on");
}

# the taxonomies of all sessions change when one changes them
{
	my ($in, $reply) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('p0') ], '<', \$in, '>', \$reply);
	my $ask = sub {
		$reply = '';
		$in .= "SELECT medimnet.map_anatomy('gizmo');\n";
		$session->pump until $reply =~ /\n/;
		chomp(my $answer = $reply);
		return $answer;
	};
	is($ask->(), 'unknown', 'a session does not know a word');
	$node->safe_psql('p0', "INSERT INTO medimnet.anatomy_alias (alias, code) VALUES ('gizmo', 'mine')");
	is($ask->(), 'mine', 'until another one teaches it');
	$in .= "\\q\n";
	$session->finish;
}

# a catalog whose owner is no superuser, and a role that trains on it, with the rights that doc/catalog.md says they need
{
	my $doc = Medimnet::slurp("$FindBin::RealBin/../../doc/catalog.md");
	my %grants = map { $_ => ($doc =~ /<!-- $_ -->\s*```sql\n(.*?)```/s)[0] } qw(owner trainer);
	my $as = sub { "SET ROLE $_[0]; $_[1]" };

	for my $partitions (0, 2)
	{
		my $db = "own$partitions";
		$node->safe_psql('postgres', "CREATE DATABASE $db" . ($partitions ? '' : '; CREATE ROLE owner; CREATE ROLE trainer'));
		$node->safe_psql($db, "CREATE EXTENSION medimnet; $grants{owner}");
		$node->safe_psql($db, $as->('owner', "SELECT medimnet.create_catalog($partitions); SELECT medimnet.add_collection('c', 'MIT');
			SELECT medimnet.ingest('c', medimnet.png(format('4x1x1 u8 raw \\x%s', lpad(to_hex(n), 8, '0'))::medimnet.pixels), labels => ARRAY['l' || n % 2])
			FROM generate_series(1, 20) n"));
		is($node->safe_psql($db, "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE relname IN ('image', 'catalog', 'loader')"), 'owner', "$db: its owner's");
		$node->safe_psql($db, $as->('owner', 'CALL medimnet.embed_pending()'));
		$node->safe_psql($db, $as->('owner', q{SELECT medimnet.create_dataset('d', 'SELECT image_id, label FROM medimnet.catalog');
			SELECT medimnet.create_loader('l', 'd', 'train', 4, 2, 2)}));
		$node->safe_psql($db, $grants{trainer});
		is($node->safe_psql($db, $as->('trainer', q{SELECT medimnet.shape(images), cardinality(image_ids) FROM medimnet.batch('l', 7)})), '{4,1,2,2}|4', "$db: a trainer pulls batches");
		is($node->safe_psql($db, $as->('trainer', q{SELECT count(*), min(i.batch_size) FROM medimnet.batch_rows('l', 0, 1), medimnet.loader_info('l') i})), '8|4', "$db: and rows");
		$node->safe_psql($db, $as->('trainer', q{SELECT medimnet.log_batches('l', 'a run', 0, 1)}));
		$node->safe_psql($db, $as->('owner', q{CALL medimnet.prepare_loader('l'); UPDATE medimnet.rendition SET data = '\x09090909'}));
		is($node->safe_psql($db, $as->('trainer', q{SELECT images FROM medimnet.batch('l', 7, 3, 4)})), 'uint8[1,1,2,2]{9,9,9,9}', "$db: from renditions, once they are there");
		is($node->safe_psql($db, $as->('trainer', q{SELECT count(*) FROM medimnet.similar_images((SELECT min(image_id) FROM medimnet.catalog), 3)})), '3', "$db: and searches");
		is($node->safe_psql($db, $as->('trainer', q{SELECT medimnet.dims(medimnet.embed(medimnet.decode_frame(content))) > 0 FROM medimnet.image_content LIMIT 1})), 't', "$db: and embeds");
		($rc, $out, $err) = $node->psql($db, $as->('trainer', q{SELECT medimnet.ingest('c', 'x')}));
		like($err, qr/permission denied/, "$db: but stores nothing");
	}
}

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
