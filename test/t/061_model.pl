# Models in a server: cancel inside a network, parallel workers, several
# sessions at once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Medimnet::node('model', catalog => 1, partitions => 2);
my $temp = PostgreSQL::Test::Utils::tempdir();

# Ten convolutions of 64 channels at 512 x 512: 100 thousand million multiplications.
system('/usr/bin/python3', '-c', <<'PYTHON', "$temp/slow.onnx") == 0 or die 'python3-onnx failed';
import sys
import numpy as np
from onnx import TensorProto, helper, numpy_helper
names = ['x', 'a'] + ['c%d' % i for i in range(10)] + ['y']
nodes = [helper.make_node('Conv', [names[i], 'w' if i else 'first'], [names[i + 1]], pads=[1, 1, 1, 1]) for i in range(11)]
nodes.append(helper.make_node('GlobalAveragePool', ['c9'], ['y']))
weights = [numpy_helper.from_array(np.full((64, c, 3, 3), 1e-3, 'f4'), n) for c, n in ((3, 'first'), (64, 'w'))]
graph = helper.make_graph(nodes, 'slow', [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 3, 512, 512])],
                          [helper.make_tensor_value_info('y', TensorProto.FLOAT, None)], weights)
open(sys.argv[1], 'wb').write(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)]).SerializeToString())
PYTHON
$node->safe_psql('postgres', "SELECT medimnet.load_model('slow', " . Medimnet::bytea_literal("$temp/slow.onnx") .
	", 512, 512, 3, '{0,0,0}', '{1,1,1}')");

# how late a timeout comes, inside one image
my $image = "'1x1x1 u8 raw \\x7f'";
my (undef, $late) = $node->psql('postgres', <<SQL, on_error_stop => 0);
SELECT medimnet.embed($image, 'default') IS NULL;
SELECT clock_timestamp() AS start \\gset
SET statement_timeout = 300;
SELECT medimnet.embed($image, 'slow') IS NULL;
RESET statement_timeout;
SELECT extract(epoch FROM clock_timestamp() - :'start');
SQL
($late) = reverse split /\n/, $late;
cmp_ok($late, '>', 0.25, 'the network takes longer than the timeout');
cmp_ok($late, '<', 1.5, sprintf('a timeout of 300 ms ends it after %.0f ms', 1000 * $late));

# parallel workers have models of their own
my $same = $node->safe_psql('postgres', <<'SQL');
SET search_path = medimnet, public;
CREATE TABLE p AS SELECT n, ('4x2x1 u8 raw \x' || repeat(lpad(to_hex(n), 2, '0'), 8))::pixels AS p FROM generate_series(1, 100) n;
ALTER TABLE p SET (parallel_workers = 2);
CREATE TABLE alone AS SELECT n, embed(p) AS e FROM p;
ANALYZE p;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
CREATE TABLE together AS SELECT n, embed(p) AS e FROM p;
SELECT count(*) FROM alone JOIN together USING (n) WHERE alone.e = together.e;
SQL
is($same, 100, 'parallel workers find what one process finds, to the bit');
like($node->safe_psql('postgres', <<'SQL'), qr/Gather.*embed/s, 'and do so in parallel');
SET search_path = medimnet, public;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (VERBOSE, COSTS OFF) SELECT n, embed(p) AS e FROM p;
SQL

# a backend stays one thread
is($node->safe_psql('postgres', "SELECT medimnet.dims(medimnet.embed($image)); SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"),
	"128\n1", 'a backend that has embedded has one thread');

is($node->safe_psql('postgres', "LOAD 'medimnet'; CREATE TEMP TABLE alone AS SELECT medimnet.embed($image) AS e; SET medimnet.threads = 3; SELECT e::text = medimnet.embed($image)::text FROM alone; SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"),
	"t\n1", 'with helpers it finds the same, and they are gone afterwards');

# OpenBLAS takes longer to load than a batch: only who computes a network waits
my $openblas = "SELECT pg_read_file('/proc/' || pg_backend_pid() || '/maps') ~ 'openblas'";
is($node->safe_psql('postgres', "SELECT medimnet.content_hash($image) IS NULL; $openblas; SELECT medimnet.dims(medimnet.embed($image)); $openblas"),
	"f\nf\n128\nt", 'OpenBLAS is loaded by the first network, not with the library');

# who may not read the models may not use them; who may, may
$node->safe_psql('postgres', 'CREATE ROLE somebody; GRANT USAGE ON SCHEMA medimnet TO somebody');
my ($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.embed($image); SET ROLE somebody; SELECT medimnet.embed($image)");
like($err, qr/permission denied for table model/, 'a model that the session has read already is not for every role');
($rc, $out, $err) = $node->psql('postgres', "SET ROLE somebody; SELECT medimnet.load_model('m', '', 1, 1, 1, '{0}', '{1}')");
like($err, qr/permission denied for function load_model/, 'nor may every role load one');

# two sessions at once: nothing is embedded twice or left out
$node->safe_psql('postgres', <<'SQL');
SET search_path = medimnet, public;
SELECT add_collection('c', 'CC0-1.0');
SELECT count(*) FROM p, ingest('c', png(p));
SQL
my $call = 'CALL medimnet.embed_pending()';
my $second = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $call ], '>', \my $o2, '2>', \my $e2);
($rc, $out, $err) = $node->psql('postgres', $call);
is($rc, 0, 'embed_pending() in one session');
ok($second->finish, 'and in another at the same time') or diag($e2);
is($node->safe_psql('postgres', "SELECT count(*) = (SELECT count(*) FROM medimnet.image WHERE status = 'stored') FROM medimnet.image_embedding"), 't', 'each image has one embedding');
# whoever preloads does not wait for OpenBLAS, and has one thread as well
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'medimnet'");
$node->restart;
is($node->safe_psql('postgres', "$openblas; SELECT medimnet.dims(medimnet.embed($image)); SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"),
	"t\n128\n1", 'a preloaded library has loaded OpenBLAS, and networks run');
# a server has more to do than networks
my $broken = PostgreSQL::Test::Utils::tempdir();
my ($other) = `ldd "\$(which psql)"` =~ m{(/\S+/libpq\.so\S*)};
open my $library, '>', "$broken/none" or die;
print $library 'no library';
close $library;
for ([ "$broken/none", 'could not load OpenBLAS, which networks need' ], [ $other, '"libopenblas.so.0" has no function' ])
{
	my ($file, $message) = @$_;
	unlink "$broken/libopenblas.so.0";
	symlink $file, "$broken/libopenblas.so.0" or die;
	$node->stop;
	{
		local $ENV{LD_LIBRARY_PATH} = $broken;
		ok($node->start(fail_ok => 1), "a server that preloads starts where $message");
	}
	($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.content_hash($image) IS NULL; SELECT medimnet.embed($image)");
	is($out, 'f', 'works');
	like($err, qr/\Q$message/, 'and has no networks');
}

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
