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

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
