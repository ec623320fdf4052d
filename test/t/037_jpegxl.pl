# JPEG XL frames of DICOM files: lossless ones to the bit, others nearly; what is
# refused, and that nothing but pixels is kept of them.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

for my $command ('cjxl', 'djxl')
{
	next if system("command -v $command >/dev/null") == 0;
	BAIL_OUT('CI must have libjxl-tools') if $ENV{CI};
	plan(skip_all => 'libjxl-tools is not installed');
}
my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
my $public = Medimnet::shared('data/conformance/dcm4che__dcm4che/dcm4che-test-data/src/main/resources') . '/will-jxl.dcm';
is(system('/usr/bin/python3', "$FindBin::Bin/037_jpegxl.py", $files, $public), 0, 'files are written');

my $node = Medimnet::node('jpegxl', catalog => 1);
my $as_file = sub { my ($path) = @_; "pg_read_binary_file('$path')" };

# All samples of all frames, of 8 or 16 bits.
sub samples_of
{
	my ($content) = @_;
	my $text = $node->safe_psql('postgres', "SELECT medimnet.decode_frame(content, f)
		FROM (SELECT $content) AS c (content), generate_series(1, medimnet.frame_count(content)) f ORDER BY f");
	my @got;
	for (split /\n/, $text)
	{
		my ($head, $hex) = split / \\x/;
		push @got, unpack(($head =~ / u16 / ? 'v*' : 'C*'), pack 'H*', $hex);
	}
	return \@got;
}

# The largest and the mean difference.
sub difference
{
	my ($got, $want) = @_;
	return (1e9, 1e9) if @$got != @$want;
	my ($most, $sum) = (0, 0);
	for my $i (0 .. $#$want)
	{
		my $d = abs($got->[$i] - $want->[$i]);
		$most = $d if $d > $most;
		$sum += $d;
	}
	return ($most, $sum / @$want);
}

sub raw
{
	my ($name, $format) = @_;
	return [ unpack $format, Medimnet::slurp("$files/$name.raw") ];
}

for my $name ((map { "lossless$_" } 8 .. 16), 'lossless12in16', 'rgb', 'boxes', 'fragments')
{
	my ($most) = difference(samples_of($as_file->("$files/$name.dcm")), raw($name, $name =~ /lossless(?!8)/ ? 'v*' : 'C*'));
	is($most, 0, "$name: each sample as it was");
}

# name, largest and mean difference
for (['lossy12', 200, 10], ['xyb', 40, 1], ['modular', 40, 1], ['layers', 40, 1], ['ybr', 3, 1],
	['jpeg444', 6, 1], ['jpeg422', 6, 1], ['jpeg420', 6, 1], ['jpeggrey', 2, .1], ['profile', 6, 1], ['oddprofile', 40, 1])
{
	my ($name, $limit, $mean_limit) = @$_;
	my ($most, $mean) = difference(samples_of($as_file->("$files/$name.dcm")), raw($name, $name eq 'lossy12' ? 'v*' : 'C*'));
	ok($most <= $limit && $mean <= $mean_limit, sprintf '%s: differs by at most %d, %.3f in the mean', $name, $most, $mean);
}
my ($digest) = split /\t/, `'$ENV{MEDIMNET_BUILD}/tools/stored_frames' '$public' 2>/dev/null`;
is($digest, sha256_hex(Medimnet::slurp("$files/public.raw")), '27 frames of a public file are those of djxl');

$node->safe_psql('postgres', q{
CREATE FUNCTION refusal(path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM medimnet.decode_frame(pg_read_binary_file(path));
	RETURN 'decoded';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END $$;
SELECT medimnet.add_collection('c', 'unknown')});
for (['alpha', qr/^0A000 .*transparency/], ['signed', qr/^0A000 .*signed samples/], ['narrow', qr/^22000 .*12 bits a sample/],
	['othersize', qr/^22000 .*300x270x1/], ['threechannels', qr/^22000 .*300x284x3/], ['cut', qr/^22000 .*damaged/],
	['bomb', qr/^54000 .*would expand to 64000000/])
{
	my ($name, $pattern) = @$_;
	like($node->safe_psql('postgres', "SELECT refusal('$files/$name.dcm')"), $pattern, "$name is refused");
}

# libjxl would end its process
my $large = "SELECT refusal('$files/large.dcm')";
is($node->safe_psql('postgres', $large), 'decoded', 'a frame of 16 MB');
my ($small, $next) = split /\n/, $node->safe_psql('postgres', "SET medimnet.decoder_memory = '64MB'; $large; SELECT refusal('$files/rgb.dcm')");
is($small, '53200 no memory to decode JPEG XL data.', 'takes more memory than 64 MB');
is($next, 'decoded', 'and the session goes on');

# what is stored
for my $name ('planted', 'behind', 'boxes', 'fragments', 'pieces')
{
	my $before = samples_of($as_file->("$files/$name.dcm"));
	my $hex = $node->safe_psql('postgres', "SELECT image_id FROM medimnet.ingest('c', pg_read_binary_file('$files/$name.dcm')) \\gset
		SELECT encode(content, 'hex') FROM medimnet.image_content WHERE image_id = :image_id");
	my $bytes = pack 'H*', $hex;
	cmp_ok(length $bytes, '>', 2000, "$name is stored");
	unlike($bytes, qr/Planted/, 'without what was hidden in it');
	unlike($bytes, qr/Exif|jbrd|xml /, 'and the boxes for it');
	my ($most) = difference(samples_of("decode('$hex', 'hex')"), $before);
	is($most, 0, 'with the same samples');
}
like(Medimnet::slurp("$files/planted.dcm"), qr/Planted\^Exif.*Planted\^Box/s, 'where there was something');
for (['profile', qr/^rejected\|.*ICC profile/], ['order', qr/^rejected\|.*order of their own/], ['signed', qr/^rejected\|.*signed samples/])
{
	my ($name, $pattern) = @$_;
	like($node->safe_psql('postgres', "SELECT status, reason FROM medimnet.ingest('c', pg_read_binary_file('$files/$name.dcm'))"),
		$pattern, "$name is not taken");
}
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
