# Values with a unit: SUV of PET, real world values; what goes before what; and
# that they survive de-identification, which takes away what SUV is made of.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/033_values.py", $files), 0, 'files are written');
my @expected = map { [ split /\t/ ] } split /\n/, Medimnet::slurp("$files/expected");
cmp_ok(scalar(@expected), '>=', 25, scalar(@expected) . ' of them');

my $node = Medimnet::node('values', catalog => 1);
sub sql { return $node->safe_psql('postgres', 'SET search_path = medimnet, public; ' . join '', @_); }
sub file { return "pg_read_binary_file('$files/$_[0]')"; }
sql("SELECT add_collection('c', 'own')");

for my $case (@expected)
{
	my ($name, $head, $samples) = @$case;
	my ($original, $clean) = split /\n/, sql("SELECT decode_frame(c) FROM ${\file($name)} f, LATERAL (VALUES (f), (deidentify(f, sha256('k')))) v (c)");
	# one unit in the last place of a float, for what the order of a product does
	my $close = sub {
		my ($text) = @_;
		return 0 unless $text =~ /^\Q$head\E(?: .*)?\\x([0-9a-f]+)$/;
		my ($got, $want) = ($1, $samples);
		return $got eq $want if $head !~ /f32/;
		my (@got, @want) = ();
		@got = unpack 'f<*', pack 'H*', $got;
		@want = unpack 'f<*', pack 'H*', $want;
		# NaN is what does not equal itself
		return @got == @want && !grep { $want[$_] == $want[$_] ? !(abs($got[$_] - $want[$_]) <= 1e-6 * abs $want[$_]) : $got[$_] == $got[$_] } 0 .. $#want;
	};
	ok($close->($original), $name) or diag("$original\nwant $head $samples");
	is($clean, $original, "$name: de-identified, the same in every bit") if $name !~ /^pt_/;
}

# the window is for the values as they are decoded
my ($center, $width) = sql("SELECT decode_frame(${\file('suv')})") =~ / window=([^,]+),(\S+) linear_exact /;
my ($first, $last) = sql("SELECT decode_frame(${\file('pt_weight')})") =~ / window=([^,]+),(\S+) /;
is("$first,$last", '10000,20001', 'the stated window');
my $factor = 70000 / (370e6 * 2**(-3600 / 6586.2));
ok(abs($center - 9999.5 * $factor) < 1e-9 && abs($width - 20000 * $factor) < 1e-9, 'is scaled to SUV');
is(sql("SELECT unit(decode_frame(${\file('rwv_table')}))"), 's', 'the unit in SQL');

# each frame by its own mapping, in the copy too
is(sql("SELECT bool_and(decode_frame(f, n) = decode_frame(c, n)) FROM ${\file('suv_enhanced')} f, deidentify(f, sha256('k')) c, generate_series(1, 2) n"), 't',
	'frames of an enhanced object');
my ($frame1, $frame2) = map { (unpack 'f<*', pack 'H*', (split /\\x/)[1])[2] } split /\n/, sql("SELECT decode_frame(f, n) FROM ${\file('suv_enhanced')} f, generate_series(1, 2) n");
ok(abs($frame2 / $frame1 - 2) < 1e-6, 'each by its own slope');
is(sql("SELECT status FROM ingest('c', ${\file('suv_enhanced')})"), 'stored', 'and received');

# what is kept of it
my ($status, $image) = split /\|/, sql("SELECT status, image_id FROM ingest('c', ${\file('suv')})");
is(sql("SELECT unit(decode_frame(content)), content_hash = content_hash(decode_frame(${\file('suv')})) FROM image_content JOIN image USING (subject_id, image_id) WHERE image_id = $image"),
	'SUV|t', 'ingest() keeps SUV');
is(sql("SELECT attributes #>> '{00409096,Value,0,004008EA,Value,0,00080100,Value,0}' FROM image_content WHERE image_id = $image"), 'g/ml{SUVbw}', 'as a real world value');
is(sql("SELECT count(*) FROM image_content, unnest(array['00101030', '00080021', '00080031', '00080022', '00080032', '00540016,Value,0,00181072', '00540016,Value,0,00181078']) tag
	WHERE image_id = $image AND attributes #> ('{' || tag || ',Value}')::text[] IS NOT NULL"), '0', 'without weight, dates and times');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
