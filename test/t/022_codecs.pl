# PNG and JPEG files of all kinds, against what is known of them, or Pillow.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

if (system('/usr/bin/python3 -c "import PIL" 2>/dev/null') != 0)
{
	BAIL_OUT('CI must have python3-pil') if $ENV{CI};
	plan(skip_all => 'python3-pil is not installed');
}
my $files = tempdir(CLEANUP => 1);
is(system('/usr/bin/python3', "$FindBin::Bin/022_codecs.py", $files), 0, 'files are written');
my @expected = map { [ split /\t/ ] } split /\n/, Medimnet::slurp("$files/expected");
cmp_ok(scalar(@expected), '>', 40, scalar(@expected) . ' of them');

my $node = Medimnet::node('codecs');
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');
my @got = split /\n/, $node->safe_psql('postgres', join '',
	map { "SELECT medimnet.decode_frame(pg_read_binary_file('$files/$_->[0]'));\n" } @expected);
for my $i (0 .. $#expected)
{
	my ($name, $want) = @{ $expected[$i] };
	ok($got[$i] eq $want, $name) or diag(substr($got[$i], 0, 100), "\n", substr($want, 0, 100));
}

my ($ret, $out, $err) = $node->psql('postgres', "SELECT medimnet.decode_frame(pg_read_binary_file('$files/cmyk.jpg'))");
like($err, qr/unsupported JPEG colour with 4 components/, 'CMYK is refused');
($ret, $out, $err) = $node->psql('postgres', "SELECT medimnet.decode_frame(pg_read_binary_file('$files/cut.jpg'))");
like($err, qr/the JPEG data are damaged/, 'a cut-off JPEG file is refused');

# DICOM's own codecs, from Debian's python3-pydicom: one image, many encodings.
my $pydicom = Medimnet::pydicom_files();
my $same = $node->safe_psql('postgres', join ' UNION ALL ',
	map { "SELECT '$_', medimnet.content_hash(medimnet.decode_frame(pg_read_binary_file('$pydicom/$_')))" }
	  qw(MR_small.dcm MR_small_RLE.dcm MR_small_bigendian.dcm MR_small_implicit.dcm MR_small_expb.dcm
	  MR_small_jp2klossless.dcm MR_small_jpeg_ls_lossless.dcm MR_small_padded.dcm));
my %hashes = map { (split /\|/)[1] => 1 } split /\n/, $same;
is(scalar(keys %hashes), 1, 'uncompressed, RLE, JPEG-LS and JPEG 2000 give the same image') or diag($same);

# De-identification blanks what codecs keep beside pixels, and nothing else.
my $shared = Medimnet::shared('data/conformance');
$same = $node->safe_psql('postgres', qq{
CREATE FUNCTION files(folder text) RETURNS SETOF text LANGUAGE sql AS \$\$
	WITH RECURSIVE f AS (SELECT folder AS path, true AS isdir
		UNION ALL SELECT p, (pg_stat_file(p)).isdir FROM f, pg_ls_dir(f.path) AS n, concat(f.path, '/', n) AS p WHERE f.isdir)
	SELECT path FROM f WHERE NOT isdir \$\$;
CREATE FUNCTION outcome(content bytea, deidentified boolean) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	RETURN medimnet.content_hash(medimnet.decode_frame(CASE WHEN deidentified THEN medimnet.deidentify(content, sha256('')) ELSE content END));
EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded THEN
	RETURN 'refused';
END \$\$;
SELECT f, outcome(content, false) = outcome(content, true) FROM (VALUES ('$shared'), ('$pydicom')) AS v (folder), files(folder) AS f,
	pg_read_binary_file(f) AS content;
});
cmp_ok(scalar(() = $same =~ /\|t$/mg), '>', 400, 'de-identified files decode to the same samples');
unlike($same, qr/\|f$/m, 'all of them');

like($node->safe_psql('postgres', "SELECT medimnet.decode_frame(pg_read_binary_file('$pydicom/liver_1frame.dcm'))"),
	qr/^512x512x1 u8 raw (spacing=\S+ )?window=0\.5,1 /, 'of a mask of single bits, 1 is shown as white');

# Samples by pydicom and NumPy, computed once: their SHA-256.
my %digests = (
	'CT_small.dcm' => '743dc0a86c09496177526f2a903e7d18016eacfee47afabd89b198224c8f8e5d',
	'ExplVR_BigEnd.dcm' => '1583c4339dd36e91dd2c30d278ef1ed95f3ea9a6de4401868d5712a76036ef2d',
	'MR_small_RLE.dcm' => '88617aaa46138fb1b6e2a951e762d962382354d69f47f8c04d4abff2f6a6a63e',
	'SC_rgb_rle.dcm' => '169e619557b12114a7f0be8602026e9abb3d5045804311736ec14cecb026aca9',
	'SC_rgb_rle_16bit.dcm' => '36de0258708d3af79cf989c0ab2cbbf861afe927799cdfd0fef36fca3b3aa058',
	'SC_rgb_rle_32bit.dcm' => '2b9d6b0326d342e1c68c0bdc19debf3b6022e0fd9e3325f47988d66c87c2a91a',
	'SC_rgb_small_odd.dcm' => 'ef2df252ba3cd066405c4dd121d0efea1341083ae2f676e1f4c844b5a4838cb8',
	'SC_ybr_full_422_uncompressed.dcm' => 'ddb100d8f45a7fbf420e8ce5d1b376a5479f068c5109daac31eb982f662d228f',
	'image_dfl.dcm' => '1f5f1b1c1a57606a55d7e4212ee2655c8205b45e264bd55057f7388c258deef8',
	'liver_1frame.dcm' => 'e036a07b502fdfd1f0ed932406e2474409be9fe49397c4906f2b8738f84f2230',
	'rtdose_1frame.dcm' => 'f1f763a5db2de4dce5b65d6dde04b841ae87debb2623d242105d52bf7203fe80',
	'rtdose_expb_1frame.dcm' => 'f1f763a5db2de4dce5b65d6dde04b841ae87debb2623d242105d52bf7203fe80');
for my $name (sort keys %digests)
{
	my $text = $node->safe_psql('postgres', "SELECT medimnet.decode_frame(pg_read_binary_file('$pydicom/$name'))");
	my ($head, $samples) = split / \\x/, $text;
	is(sha256_hex(pack 'H*', $samples), $digests{$name}, "$name: $head");
}
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
