# No patient's name or number is anywhere once files are in: not in tables,
# not in files of the data directory, not in the WAL or the server's log.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use File::Find;

my $dir = Medimnet::shared('data/conformance');
system('command -v dcmdump >/dev/null') == 0 or plan(skip_all => 'dcmdump is not installed');
my @files;
find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !/manifest\.tsv$/ } }, $dir);
@files = sort @files;

# Names and numbers as dcmdump reads them, wherever they stand in a file; of a
# name in several scripts (PS3.5 6.2.1) also the one in Latin letters.
my %phi;
for my $file (@files)
{
	open my $dump, '-|', 'dcmdump', '-q', '-M', '+L', '+P', '0010,0010', '+P', '0010,0020', $file or die;
	while (<$dump>)
	{
		next unless /^\s*\(0010,00[12]0\) \w\w \[(.*)\]\s+#/;
		my $value = $1;
		for my $v ($value, (split /=/, $value)[0] // '')
		{
			my $trimmed = $v =~ s/^[\s^]+|[\s^]+$//gr;
			$phi{$trimmed} = 1 if length $trimmed >= 5;
		}
	}
	close $dump;
}
my @values = sort keys %phi;
cmp_ok(scalar @values, '>=', 20, scalar(@values) . ' names and numbers of patients');

# A number inside a longer number or word is another number: UIDs, hashes and
# sizes have all sequences of digits sooner or later.
my @words = grep { /\D/ } @values;
my @numbers = grep { !/\D/ } @values;
my $search = do
{
	my $words = join '|', map { quotemeta } @words;
	my $numbers = join '|', @numbers;
	qr/($words|(?<![0-9A-Za-z.])(?:$numbers)(?![0-9A-Za-z.]))/;
};

# All that was written must be there to be searched, and as it is: where values
# are compressed, a piece of a UID's digits may stand apart from the others.
my $node = Medimnet::node('phi', catalog => 1,
	conf => "log_statement = none\nwal_keep_size = 4GB\nwal_recycle = off\nmax_wal_size = 4GB\nautovacuum = off\nwal_compression = off\n");
$node->safe_psql('postgres', "SELECT medimnet.add_collection('phi', 'unknown');
	ALTER TABLE medimnet.image_content ALTER attributes SET STORAGE EXTERNAL");

my $patterns = $node->basedir . '/words.txt';
open my $f, '>', $patterns or die;
print $f "$_\n" for @words;
close $f;
my $number = '(?<![0-9A-Za-z.])(' . join('|', @numbers) . ')(?![0-9A-Za-z.])';

# Which values stand in the files below a folder: value => file.
sub grep_below
{
	my ($folder) = @_;
	my %found;
	for my $options ("-F -f '$patterns'", "-P -e '$number'")
	{
		for (split /\n/, `LC_ALL=C grep -r -a -o $options '$folder'`)
		{
			my ($file, $value) = /^(.*?):(.*)$/ or next;
			$found{$value} //= $file;
		}
	}
	return %found;
}

# The search finds what it should: each value, between bytes.
mkdir $node->basedir . '/control' or die;
open $f, '>:raw', $node->basedir . '/control/file' or die;
print $f "\x00\xff\x10$_\x00\x01" for @values;
close $f;
my %control = grep_below($node->basedir . '/control');
is(join(', ', grep { my $v = $_; !grep { index($_, $v) >= 0 } keys %control } @values), '', 'the search on disk finds every value');
is(scalar(grep { "\x00$_\x00" !~ $search } @values), 0, 'and so does that in rows');

# PostgreSQL's own tables and this extension's taxonomies have, for example,
# 0123456789: what is there before any file is no trace of one.
$node->safe_psql('postgres', 'CHECKPOINT');
my %before = grep_below($node->data_dir);
diag('there before any file: ' . join ', ', sort keys %before) if %before;

my ($rc, $out, $err) = $node->psql('postgres',
	join '', map { my $f = s/'/''/gr; my $name = $f =~ s{.*/}{}r; "SELECT status FROM medimnet.ingest('phi', pg_read_binary_file('$f'), '$name');\n" } @files);
is($rc, 0, 'all files went through ingest()') or diag($err);
cmp_ok(scalar(grep { /^(?:stored|quarantined)/ } split /\n/, $out), '>=', 100, 'many were taken');
$node->safe_psql('postgres', 'CHECKPOINT');

# In rows: here nothing is compressed, or cut into pieces, as it is on disk.
for my $column (qw(subject study series image finding label collection ingest_log image_content.attributes image_content.content))
{
	my ($table, $field) = split /\./, $column;
	$field = $field ? "encode(@{[ $field eq 'content' ? 'content' : q{convert_to(attributes::text, 'UTF8')} ]}, 'hex')" : "encode(convert_to(t::text, 'UTF8'), 'hex')";
	my %found;
	for (split /\n/, $node->safe_psql('postgres', "SELECT $field FROM medimnet.$table t"))
	{
		my $bytes = pack 'H*', $_;
		$found{$1} = 1 while $bytes =~ /$search/g;
	}
	is(join(', ', sort keys %found), '', "none in $column");
}

# On disk.
$node->stop;
my %after = grep_below($node->data_dir);
is(join("\n", map { "$_ in $after{$_}" } grep { !exists $before{$_} } sort keys %after), '', 'none in the data directory and the WAL');
ok(-s $node->logfile, 'there is a log');
my $log = Medimnet::slurp($node->logfile);
is(join(', ', $log =~ /$search/g), '', 'none in the server log');
Medimnet::log_is_clean($node);
done_testing();
