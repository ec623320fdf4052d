# What render('auto') makes of each modality: the file's own VOI LUT or window
# where it has a meaning, else what the kind of image asks for.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $files = tempdir(CLEANUP => 1);
chmod 0777, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/032_display.py", $files), 0, 'files are written');
my @expected = map { [ split /\t/ ] } split /\n/, Medimnet::slurp("$files/expected");
cmp_ok(scalar(@expected), '>=', 20, scalar(@expected) . ' of them');

my $node = Medimnet::node('display');
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');
sub sql { return $node->safe_psql('postgres', 'SET search_path = medimnet, public; ' . join '', @_); }

for my $case (@expected)
{
	my ($name, $frame, $shades) = @$case;
	my ($original, $clean) = split /\n/, sql("SELECT split_part(render(decode_frame(c, $frame))::text, '\\x', 2)
		FROM pg_read_binary_file('$files/$name') f, LATERAL (VALUES (f), (deidentify(f, sha256('k')))) v (c)");
	is($original, $shades, "$name: shades");
	is($clean, $shades, "$name: the same when de-identified");
}

# a table goes with its image wherever that goes
sql("CREATE TABLE v (p pixels); INSERT INTO v SELECT decode_frame(pg_read_binary_file('$files/dx_mono1_table'))");
like(sql('SELECT p::text FROM v'), qr/^16x16x1 u16 raw inverted voi=50,0{12}[0-9a-f]{13988} \\x/, 'it is in the text');
is(sql('SELECT p::text::pixels = p FROM v'), 't', 'and read from it');
sql("COPY v TO '$files/v' (FORMAT binary); CREATE TABLE w (p pixels); COPY w FROM '$files/v' (FORMAT binary)");
is(sql('SELECT v.p = w.p FROM v, w'), 't', 'and so in the binary form');
is(sql("SELECT length(pixels_send(p)) FROM v"), 48 + 512 + 8 + 7000, 'whose size is the documented one');
is(sql("SELECT content_hash(p) = content_hash(decode_frame(pg_read_binary_file('$files/dx_percentile'))) FROM v"), 't',
	'the hash is of the samples');
is(sql('SELECT render(resize(p, 8, 8)) = resize(render(p), 8, 8), resize(p, 16, 16)::text LIKE \'%voi=50,%\' FROM v'), 'f|t', 'a resized image keeps it');
is(sql("SELECT phash(p) = phash(render(p)), png(render(p)) = png(render(p::text::pixels)) FROM v"), 't|t', 'and what is made of the image uses it');
is(sql("SELECT content_hash(a) = content_hash(b), split_part(b::text, ' \\', 1) FROM (SELECT decode_frame(pg_read_binary_file('$files/big_table')), decode_frame(pg_read_binary_file('$files/big'))) v (b, a)"),
	't|1024x2048x1 u16 raw voi=0,0000ffff', 'samples that fill the window of shared memory, and a table');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
