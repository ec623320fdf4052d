# Encodings of frames that neither GDCM nor DCMTK offers as a reference: the
# same image in another syntax must give the same pixels.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $dir = Medimnet::shared('data/conformance/pydicom__pydicom-data/data_store/data');
my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
my $pydicom = Medimnet::pydicom_files();
is(system('/usr/bin/python3', "$FindBin::Bin/031_frame_syntaxes.py", $pydicom, $files), 0, 'encapsulated, uncompressed files are written');

my $node = Medimnet::node('syntaxes');
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet');

sub frames_of
{
	my ($path) = @_;
	return $node->safe_psql('postgres', "SELECT f, medimnet.content_hash(medimnet.decode_frame(content, f))
		FROM pg_read_binary_file('$path') content, generate_series(1, medimnet.frame_count(content)) f ORDER BY f");
}

# 1-bit segmentations, with frames that do and do not end at a byte
for my $name ('liver', 'liver_nonbyte_aligned')
{
	my $native = $name eq 'liver' ? 'liver_expb' : $name;
	my $want = frames_of("$dir/$native.dcm");
	is(() = $want =~ /\n/g, 2, "$native.dcm has 3 frames");
	is(frames_of("$dir/${name}_$_.dcm"), $want, "${name}_$_.dcm has the same") for qw(rle deflate j2k);
}
for my $name ('CT_small', 'SC_rgb_small_odd', 'SC_ybr_full_422_uncompressed', 'liver_1frame')
{
	is(frames_of("$files/$name.dcm"), frames_of("$pydicom/$name.dcm"), "$name.dcm, encapsulated and uncompressed, too");
}

# what no codec of ours decodes is refused by name
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
END $$});
my @unsupported = map { s{.*/unsupported\.}{}r } glob "$files/unsupported.*";
cmp_ok(scalar(@unsupported), '>=', 33, scalar(@unsupported) . ' transfer syntaxes that are not supported');
my @refusals = split /\n/, $node->safe_psql('postgres', join '', map { "SELECT refusal('$files/unsupported.$_');" } @unsupported);
for my $i (0 .. $#unsupported)
{
	my $uid = $unsupported[$i];
	like($refusals[$i], $uid eq '4.999' ? qr/^0A000 unknown transfer syntax\.$/
		: qr/^0A000 unsupported transfer syntax (JPEG|JPIP|MPEG|HEVC|SMPTE) ?\S.* \(1\.2\.840\.10008\.1\.2\.\Q$uid\E\)\.$/,
		"$uid: " . $refusals[$i]);
}
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
