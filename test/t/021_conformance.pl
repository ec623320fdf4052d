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

# Where both other decoders have no answer: OpenJPH has.
my %openjph = ('HTJ2KLossless_08_RGB.dcm' => '9d87240604f5d7522c6a8056ace6cefc2c8d6d0b07bd6e7303d5e5b21af9a49e');

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

my (%table, %failed, %twin);
$twin{ $_->{path} =~ s{.*/}{}r } = $_->{gdcm_raw_pixel_sha256} for @rows;
for my $row (@rows)
{
	my $kind = $kind{ $row->{transfer_syntax_uid} } // 'other';
	my ($gdcm, $dcmtk) = @$row{qw(gdcm_raw_pixel_sha256 dcmtk_raw_pixel_sha256)};
	my $name = $row->{path} =~ s{.*/}{}r;
	$gdcm = $dcmtk = $openjph{$name} if $openjph{$name};
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
	elsif ($decoded && ($gdcm || $dcmtk))
	{
		$table{$kind}{ $got eq $gdcm || $got eq $dcmtk ? 'as one of two' : 'unlike both' }++;
	}
	elsif ($decoded) { $table{$kind}{'only we'}++; }
	else
	{
		my ($what) = $got =~ /^\d+ (.*)/;
		$what //= $got;
		$table{$kind}{ $what =~ /holds no image/ ? 'no image' : $gdcm || $dcmtk ? 'only others' : 'refused' }++;
	}
}
for my $kind ('uncompressed', 'RLE', 'JPEG lossless', 'JPEG-LS', 'JPEG 2000', 'HTJ2K', 'JPEG lossy')
{
	is_deeply($failed{$kind} // [], [], "$kind: samples right wherever two other decoders agree");
}

my @columns = ('right', 'right, others wrong', 'as one of two', 'unlike both', 'only we', 'no image', 'refused', 'only others', 'WRONG');
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
ok((grep { /JPEG XL/ } @unsupported), 'unsupported transfer syntaxes are named');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
