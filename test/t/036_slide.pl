# A frame of a large file that is stored out of line: the same by its own few
# bytes as by the whole file, which is then not fetched.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/036_slide.py", $files), 0, 'files are written');

my $node = Medimnet::node('slide', conf => "log_statement = none\nshared_buffers = 16MB\nmax_wal_size = 4GB\n");
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet; CREATE TABLE t (name text, c bytea); ALTER TABLE t ALTER c SET STORAGE EXTERNAL');
sub sql { return $node->safe_psql('postgres', 'SET search_path = medimnet, public; ' . join '', @_); }

my $peak = "SELECT pg_size_bytes(regexp_replace(pg_read_file('/proc/' || pg_backend_pid() || '/status'), '.*VmHWM:\\s+(\\d+ kB).*', '\\1')) / 1048576";
my %frames = (basic => 640, extended => 640, no_table => 640, sparse => 44000, wrong_table => 640, native => 40, bits => 140);
for my $name (sort keys %frames)
{
	my ($n, $middle) = ($frames{$name}, int $frames{$name} / 2);
	sql("INSERT INTO t SELECT '$name', pg_read_binary_file('$files/$name')");
	my $size = sql("SELECT octet_length(c) >> 20 FROM t WHERE name = '$name'");
	cmp_ok($size, '>=', 16, "$name is large");
	is(sql("SELECT bool_and(decode_frame(c, f) = decode_frame(whole, f)) FROM t, LATERAL (SELECT c || ''::bytea AS whole) w, unnest(array[1, 2, $middle, $n]) f WHERE name = '$name'"),
		't', 'its frames are those of the whole file');
	is(sql("SELECT count(DISTINCT content_hash(decode_frame(c, f))) FROM t, unnest(array[1, 2, $n]) f WHERE name = '$name'"), 3, 'and not all one');
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.decode_frame(c, $n + 1) FROM t WHERE name = '$name'");
	like($err, qr/frame @{[$n + 1]} does not exist: the image has $n/, 'one more does not exist');
	my ($part) = sql("SELECT width(decode_frame(c, $middle)) FROM t WHERE name = '$name'; $peak") =~ /(\d+)\z/;
	my ($whole) = sql("SELECT width(decode_frame(c || ''::bytea, $middle)) FROM t WHERE name = '$name'; $peak") =~ /(\d+)\z/;
	note("peak memory $part MB, with the whole file $whole MB");
	# with it are the value, its copy, and the window that it goes through
	cmp_ok($part, '<', $whole / 2, 'for which the file was not fetched') if $name !~ /table/;
	cmp_ok($part + 1.25 * $size, '<', $whole, 'nor was it at once where it had to be') if $name =~ /table/;
}
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
