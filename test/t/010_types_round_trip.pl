# The types survive pg_dump, COPY in binary format and a client, bit by bit; and
# what a client sends in binary format is checked as much as text is.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('types');
my $dir = tempdir(CLEANUP => 1);
my @types = qw(pixels tensor embedding);

$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');
$node->safe_psql('postgres', q{
	SET search_path = medimnet, public;
	CREATE TABLE public.everything (id int PRIMARY KEY, pixels pixels, tensor tensor, embedding embedding, three embedding(3), uid uid,
		many_pixels pixels[], many_embedding embedding[]);
	-- every sample type and unit; f32 of arbitrary bits; header fields that are hard to write in decimal
	INSERT INTO everything (id, pixels) VALUES
		(1, '3x2x1 u8 raw \x000102fdfeff'),
		(2, '2x1x1 u16 OD spacing=0.1,0.30000000000000004 \x0000ffff'),
		(3, '2x1x1 i16 HU spacing=1e-300,12345678.9 window=-0.5,0.1 inverted \x0080ff7f'),
		(4, '2x2x1 f32 SUV window=-0,5e-324 \x0100c07f000080ff0000008001000000'),
		(5, '1x1x3 f32 rgb \x0100a07fffffffff0000c0ff'),
		(6, '1x1x1 f32 BQML spacing=-0,0 window=-1,0 \x00000080'),
		(7, ('300x200x3 u8 US \x' || repeat('00ff5a', 60000))::pixels);
	INSERT INTO everything (id, tensor) VALUES
		(11, 'float32[2,3]{0.1,-0,1e-45,3.4028235e38,NaN,-Infinity}'),
		(12, 'float32[3]{NaN(0xffc00000),NaN(0x7f800001),16777217}'),
		(13, 'float64[2,1]{0.1,NaN(0xfff0000000000001)}'), (14, 'float64[3]{5e-324,1.7976931348623157e308,0.30000000000000004}'),
		(15, 'int64[2]{-9223372036854775808,9223372036854775807}'), (16, 'uint8[]{255}'), (17, 'int8[0,5]{}'),
		(18, 'uint16[1,1,1,1,1,1,1,2]{0,65535}'), (19, 'int16[2]{-32768,32767}'), (20, 'int32[1]{-2147483648}');
	INSERT INTO everything (id, tensor) SELECT 21, (array_agg(sin(i)::real * exp(i % 80)))::real[]::tensor FROM generate_series(1, 20000) AS i;
	-- all 65,536 half precision numbers, but by value: one NaN
	INSERT INTO everything (id, tensor)
	SELECT 22, ('float16[1024]{' || string_agg((i / 1024.0 * 2 ^ (i % 30 - 14))::text, ',') || '}')::tensor FROM generate_series(0, 1023) AS i;
	INSERT INTO everything (id, embedding) VALUES (31, '[1]'), (32, '[0.1,-0,1e-45,3.4028235e38]');
	INSERT INTO everything (id, embedding) SELECT 33, array_agg(cos(i)::real)::embedding FROM generate_series(1, 16000) AS i;
	INSERT INTO everything (id, three, uid, many_pixels, many_embedding) VALUES
		(41, '[1,2,3]', '1.2.840.10008.1.2', ARRAY['1x1x1 u8 raw \x01', '1x1x1 u8 raw window=1,2 \x02']::pixels[], ARRAY['[1,2]', NULL, '[3]']::embedding[]),
		(42, NULL, NULL, '{}', NULL);
});

# One line a value that depends on every bit of it.
my $digest = q{
	SELECT id, md5(medimnet.pixels_send(pixels)), md5(medimnet.tensor_send(tensor)), md5(medimnet.embedding_send(embedding)),
		md5(medimnet.embedding_send(three)), uid, many_pixels, many_embedding
	FROM everything ORDER BY id};
my $want = $node->safe_psql('postgres', $digest);
is(() = $want =~ /^\d+\|/mg, 24, 'the table has values of all kinds');

# pg_dump, plain and custom
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain custom copied);
$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", $node->connstr('plain') ], 'its script runs');
is($node->safe_psql('plain', $digest), $want, 'and gives the same values');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", $node->connstr('postgres') ], 'pg_dump -Fc');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('custom'), "$dir/custom" ], 'pg_restore');
is($node->safe_psql('custom', $digest), $want, 'gives the same values');
is($node->safe_psql('custom', q{SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'everything'::regclass AND attname = 'three'}),
	'medimnet.embedding(3)', 'the type modifier is restored');

# COPY in binary format
$node->safe_psql('postgres', "COPY everything TO '$dir/copy' (FORMAT binary)");
$node->safe_psql('copied', 'CREATE EXTENSION medimnet');
$node->command_ok([ 'bash', '-c', "pg_dump -s -t everything '@{[$node->connstr('postgres')]}' | psql -X -q -v ON_ERROR_STOP=1 '@{[$node->connstr('copied')]}'" ],
	'the table without rows');
$node->safe_psql('copied', "COPY everything FROM '$dir/copy' (FORMAT binary)");
is($node->safe_psql('copied', $digest), $want, 'COPY in binary format gives the same values');

# A file for COPY of one row with one column.
sub copy_file
{
	my ($bytes) = @_;
	open my $f, '>:raw', "$dir/one" or die $!;
	print $f "PGCOPY\n\xff\r\n\0", pack('NN', 0, 0), pack('nN', 1, length $bytes), $bytes, pack('n', 0xffff);
	close $f;
}

# The one value of such a file.
sub value_of
{
	my ($sql) = @_;
	$node->safe_psql('postgres', "COPY ($sql) TO '$dir/one' (FORMAT binary)");
	my $file = Medimnet::slurp("$dir/one");
	my ($length) = unpack('x21 N', $file);
	return substr $file, 25, $length;
}

# What a client gets for a tensor is an NPY file.
my $npy = value_of(q{SELECT 'float32[2,3]{1,2,3,4,5,6.5}'::medimnet.tensor});
my ($magic, $major, $minor, $length) = unpack('a6 C C v', $npy);
is($magic, "\x93NUMPY", 'the binary form of a tensor is an NPY file');
is("$major.$minor", '1.0', 'of version 1.0');
is((10 + $length) % 64, 0, 'whose elements are aligned');
like(substr($npy, 10, $length), qr/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/, 'that NumPy could have written');
is(join(' ', unpack('f<*', substr $npy, 10 + $length)), '1 2 3 4 5 6.5', 'with its elements');

SKIP:
{
	my $python = '/usr/bin/python3';
	skip('python3-numpy is not installed', 2) if system("$python -c 'import numpy' 2>/dev/null") != 0;
	open my $f, '>:raw', "$dir/t.npy" or die $!;
	print $f $npy;
	close $f;
	my ($out) = run_command([ $python, '-c', "import numpy; a = numpy.load('$dir/t.npy'); print(a.dtype, a.shape, a.tolist())" ]);
	is($out, 'float32 (2, 3) [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]', 'NumPy reads a tensor');
	run_command([ $python, '-c', "import numpy; numpy.save('$dir/n.npy', numpy.arange(12, dtype='<i2').reshape(3, 4)[:, :2].copy())" ]);
	copy_file(Medimnet::slurp("$dir/n.npy"));
	$node->safe_psql('postgres', "CREATE TABLE one_tensor (v medimnet.tensor); COPY one_tensor FROM '$dir/one' (FORMAT binary)");
	is($node->safe_psql('postgres', 'SELECT v FROM one_tensor'), 'int16[3,2]{0,1,4,5,8,9}', "a tensor is read from NumPy's file");
}

# Malformed binary forms: each an ERROR with its SQLSTATE, none a crash.
$node->safe_psql('postgres', "CREATE TABLE bad_$_ (v medimnet.$_)") for @types;

sub refuses
{
	my ($type, $bytes, $state, $like, $name) = @_;
	copy_file($bytes);
	my (undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nCOPY bad_$type FROM '$dir/one' (FORMAT binary)");
	like($stderr, qr/ERROR:  $state: .*$like/s, $name);
}

my $good = value_of(q{SELECT '2x1x1 i16 HU \x18fc2800'::medimnet.pixels});
refuses('pixels', '', '22000', 'too few', 'pixels: nothing');
refuses('pixels', substr($good, 0, -1), '22000', '3 follow', 'pixels: cut short');
refuses('pixels', "$good\0", '22000', '5 follow', 'pixels: too long');
refuses('pixels', "\2" . substr($good, 1), '0A000', 'version 2', 'pixels: another version');
refuses('pixels', substr($good, 0, 4) . pack('VV', 65535, 65535) . substr($good, 12), '54000', 'limit', 'pixels: larger than a value can be');
refuses('pixels', substr($good, 0, 16) . pack('d<', 'nan') . substr($good, 24), '22000', 'spacing', 'pixels: spacing is NaN');
refuses('tensor', substr($npy, 0, 9), '22000', 'not an NPY file', 'tensor: cut short');
refuses('tensor', $npy =~ s/False/True /r, '0A000', 'Fortran', 'tensor: Fortran order');
refuses('tensor', $npy =~ s/<f4/>f4/r, '0A000', 'big-endian', 'tensor: big-endian');
refuses('tensor', $npy =~ s/<f4/<c8/r, '0A000', 'element type', 'tensor: complex');
refuses('tensor', $npy =~ s/\(2, 3\)/(2, 4)/r, '22000', 'follow', 'tensor: elements missing');
refuses('embedding', pack('nn', 0, 0), '22000', 'at least 1', 'embedding: no dimensions');
refuses('embedding', pack('nn', 16001, 0), '54000', 'more than 16000', 'embedding: too many dimensions');
refuses('embedding', pack('nnN', 1, 7, 0), '22000', 'must be zero', 'embedding: reserved bytes');
refuses('embedding', pack('nnN', 1, 0, 0x7fc00000), '22000', 'finite', 'embedding: NaN');
refuses('embedding', pack('nnN', 2, 0, 0), '22000', '4 follow', 'embedding: cut short');
refuses('embedding', pack('nnNN', 1, 0, 0, 0), '22000', '8 follow', 'embedding: too long');

# Any bit turned in any of the forms.  COPY is the only way from SQL to a
# receive function: by way of a file.
$node->safe_psql('postgres', qq{
	CREATE FUNCTION receive(type text, value bytea) RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE
		file oid := lo_from_bytea(0, '\\x5047434f50590aff0d0a0000000000000000000001'::bytea || int4send(length(value)) || value || '\\xffff');
	BEGIN
		PERFORM lo_export(file, '$dir/bit');
		PERFORM lo_unlink(file);
		EXECUTE format('COPY bad_%s FROM %L (FORMAT binary)', type, '$dir/bit');
		RETURN 'taken';
	EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded OR invalid_binary_representation OR protocol_violation THEN
		RETURN 'refused';
	END \$\$});
my %form = (pixels => $good, tensor => $npy, embedding => pack('nnNN', 2, 0, 0x3f800000, 0));
for my $type (@types)
{
	my ($hex, $bits) = (unpack('H*', $form{$type}), 8 * length $form{$type});
	my $outcome = $node->safe_psql('postgres', qq{
		SELECT count(*) FILTER (WHERE outcome = 'taken'), count(*)
		FROM (SELECT receive('$type', set_bit(value, bit, 1 - get_bit(value, bit))) AS outcome
			FROM (SELECT '\\x$hex'::bytea AS value) AS v, generate_series(0, $bits - 1) AS bit) AS o});
	like($outcome, qr/^[1-9]\d*\|$bits$/, "$type: with any bit turned it is another value or refused ($outcome)");
	# what was taken must be whole: it can be written and read again
	is($node->safe_psql('postgres', "SELECT count(*) FROM bad_$type WHERE v::text::medimnet.$type OPERATOR(medimnet.<>) v"), 0, "$type: and those round-trip");
}

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
