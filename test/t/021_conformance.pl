# Public test files of many makers (shared/data/conformance): the samples as
# stored, against the digests of two other decoders, and SQL on top of it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = Medimnet::shared('data/conformance');
my $tool = "$ENV{MEDIMNET_BUILD}/tools/stored_frames";

my %kind = (
	'1.2.840.10008.1.2' => 'uncompressed',
	'1.2.840.10008.1.2.1' => 'uncompressed',
	'1.2.840.10008.1.2.1.99' => 'uncompressed',
	'1.2.840.10008.1.2.2' => 'uncompressed',
	'1.2.840.10008.1.2.5' => 'RLE',
	'1.2.840.10008.1.2.4.50' => 'JPEG lossy',
	'1.2.840.10008.1.2.4.51' => 'JPEG lossy',
	'1.2.840.10008.1.2.4.53' => 'JPEG lossy',
	'1.2.840.10008.1.2.4.55' => 'JPEG lossy',
	'1.2.840.10008.1.2.4.57' => 'JPEG lossless',
	'1.2.840.10008.1.2.4.70' => 'JPEG lossless',
	'1.2.840.10008.1.2.4.80' => 'JPEG-LS',
	'1.2.840.10008.1.2.4.81' => 'JPEG-LS',
	'1.2.840.10008.1.2.4.90' => 'JPEG 2000',
	'1.2.840.10008.1.2.4.111' => 'JPEG XL',
	'1.2.840.10008.1.2.4.91' => 'JPEG 2000',
	'1.2.840.10008.1.2.4.201' => 'HTJ2K',
	'1.2.840.10008.1.2.4.203' => 'HTJ2K');

# Where both other decoders are not followed, and why.
my %other = (
	# Number of Frames is "1A", which is no number: one frame, not fifteen
	'badVR.dcm' => 'rtdose_1frame.dcm',
	# 32-bit cells of the big endian syntax: the others swap halves of them,
	# and so get other values than from the little-endian twin
	'rtdose_expb.dcm' => 'rtdose.dcm',
	'rtdose_expb_1frame.dcm' => 'rtdose_1frame.dcm');

# Where both other decoders have no answer: another has (digest), or the same
# samples in another encoding (file).
my %elsewhere = (
	'HTJ2KLossless_08_RGB.dcm' => '9d87240604f5d7522c6a8056ace6cefc2c8d6d0b07bd6e7303d5e5b21af9a49e', # OpenJPH
	'parametric_map_float.dcm' => 'ef41ff13cf378171c7ee25198c75e2b70764e3789664f17dd6df40163ec37284', # pydicom
	'parametric_map_double_float.dcm' => '10ba9bdb66165a13309c3d9840e6e36d1ec797a58f55e05845013af8ebd680d5', # pydicom
	'emri_small_jpeg_2k_lossless_too_short.dcm' => 'emri_small_jpeg_2k_lossless.dcm',
	'liver_deflate.dcm' => 'liver.dcm',
	'liver_rle.dcm' => 'liver.dcm');

# What is compared below, or in 031_frame_syntaxes.pl or 037_jpegxl.pl, by its samples.
my %by_samples = map { $_ => 1 } 'will-jxl.dcm', 'HTJ2K_08_RGB.dcm', 'liver_nonbyte_aligned_deflate.dcm', 'liver_nonbyte_aligned_rle.dcm';

sub manifest
{
	my ($header, @lines) = split /\n/, Medimnet::slurp("$top/manifest.tsv");
	my @names = split /\t/, $header;
	return map { my %row; @row{@names} = split /\t/, $_, -1; \%row } @lines;
}

my @rows = grep { -s "$top/$_->{path}" } manifest();
my %digest = map { my ($outcome, $path) = split /\t/; (substr($path, length($top) + 1) => $outcome) }
  split /\n/, `'$tool' @{[ map { "'$top/$_->{path}'" } @rows ]} 2>/dev/null`;
is(scalar(keys %digest), scalar(@rows), "$tool had an answer for each of " . scalar(@rows) . ' files');

my (%table, %failed, %twin, @refused);
$twin{ $_->{path} =~ s{.*/}{}r } = $_->{gdcm_raw_pixel_sha256} for @rows;
for my $row (@rows)
{
	my $kind = $kind{ $row->{transfer_syntax_uid} } // 'other';
	my ($gdcm, $dcmtk) = @$row{qw(gdcm_raw_pixel_sha256 dcmtk_raw_pixel_sha256)};
	my $name = $row->{path} =~ s{.*/}{}r;
	$gdcm = $dcmtk = $twin{ $elsewhere{$name} } // $elsewhere{$name} if $elsewhere{$name};
	my $got = $digest{ $row->{path} } // 'nothing';
	my $decoded = $got =~ /^[0-9a-f]{64}$/;
	my $agreed = $gdcm && $gdcm eq $dcmtk;

	unlike($got, qr/^signal/, "$name: no crash") if $got =~ /^signal/;
	if ($agreed && $other{$name})
	{
		is($got, $twin{ $other{$name} }, "$name: samples equal those of $other{$name}");
		$table{$kind}{'right, others wrong'}++;
	}
	elsif ($agreed)
	{
		$table{$kind}{ $got eq $gdcm ? 'right' : 'WRONG' }++;
		push @{ $failed{$kind} }, "$name: $got" if $got ne $gdcm;
	}
	elsif ($decoded && $got eq $dcmtk) { $table{$kind}{'as DCMTK'}++; }
	elsif ($decoded && $got eq $gdcm) { $table{$kind}{'as GDCM'}++; }
	elsif ($decoded)
	{
		$table{$kind}{ $by_samples{$name} ? 'by samples' : 'WRONG' }++;
		push @{ $failed{$kind} }, "$name: $got" if !$by_samples{$name};
	}
	else
	{
		my ($what) = $got =~ /^\d+ (.+)/;
		push @{ $failed{$kind} }, "$name: $got" if !$what;
		$table{$kind}{ !$what ? 'WRONG' : $what =~ /holds no image/ ? 'no image' : 'refused' }++;
		push @refused, "$name: $what" if $what && ($gdcm || $dcmtk);
	}
}
# A file that another decoder makes something of, and we do not.
is(join("\n", @refused), '3gb-bulk-data-truncated: 16 bits stored of 8 allocated',
	'what others decode is refused in one case, for a reason');
for my $kind ('uncompressed', 'RLE', 'JPEG lossless', 'JPEG-LS', 'JPEG 2000', 'HTJ2K', 'JPEG lossy', 'JPEG XL', 'other')
{
	is_deeply($failed{$kind} // [], [], "$kind: each file's samples are right, or it is refused with a reason");
}

my @columns = ('right', 'right, others wrong', 'as DCMTK', 'as GDCM', 'by samples', 'no image', 'refused', 'WRONG');
note(sprintf '%-14s' . ' %s' x @columns, 'files', map { sprintf '%' . length . 's', $_ } @columns);
for my $kind (sort keys %table)
{
	note(sprintf '%-14s' . ' %s' x @columns, $kind, map { sprintf '%' . length . 's', $table{$kind}{$_} // '.' } @columns);
}

# The same files through SQL: an image or one clean error each.
my $node = Medimnet::node('conformance');
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');
my $sql = q{
CREATE FUNCTION try_decode(path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	x medimnet.pixels;
	detail text;
BEGIN
	x := medimnet.decode_frame(pg_read_binary_file(path));
	RETURN 'decoded';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || regexp_replace(detail, '\d+', 'N', 'g');
END $$;
} . join '', map { "SELECT try_decode('$top/$_->{path}');\n" } @rows;
my @outcomes = split /\n/, $node->safe_psql('postgres', $sql);
is(scalar(@outcomes), scalar(@rows), 'decode_frame has one outcome for each file');
my $decoded = grep { /^[0-9a-f]{64}$/ } values %digest;
my %by_text;
$by_text{$_}++ for @outcomes;
cmp_ok($by_text{decoded}, '>=', $decoded, "and decodes the $decoded that the tool decodes");
note(sprintf '%4d %s', $by_text{$_}, $_) for sort { $by_text{$b} <=> $by_text{$a} } keys %by_text;
ok(!(grep { /^XX/ } keys %by_text), 'no internal errors');
my @unsupported = grep { /^0A000 unsupported transfer syntax/ } keys %by_text;
is("@unsupported", '', 'nor a transfer syntax that is not supported');

# lossy and lossless High-Throughput JPEG 2000 of one image
my $htj2k = "$top/pydicom__pydicom-data/data_store/data";
my @samples = map { [ unpack 'C*', pack 'H*', s/.* \\x//r ] } split /\n/, $node->safe_psql('postgres',
	join '', map { "SELECT medimnet.decode_frame(pg_read_binary_file('$htj2k/$_.dcm'));\n" } qw(HTJ2K_08_RGB HTJ2KLossless_08_RGB));
my ($most, $sum) = (0, 0);
for my $i (0 .. $#{ $samples[1] })
{
	my $difference = abs($samples[0][$i] - $samples[1][$i]);
	$most = $difference if $difference > $most;
	$sum += $difference;
}
is(scalar(@{ $samples[0] }), 640 * 480 * 3, 'lossy HTJ2K has all samples');
ok($most <= 5 && $sum / @{ $samples[1] } < .5, "which differ by at most $most from those of the lossless one");
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
