# NIfTI volumes, plain and compressed: every data type in both versions and byte
# orders; what identifies a person is gone; damage and bombs are refused.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;

my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/030_nifti.py", $files), 0, 'volumes are written');
my @expected = map { [ split /\t/ ] } split /\n/, Medimnet::slurp("$files/expected");
is(scalar(@expected), 11 * 2 * 2 * 2 * 3, scalar(@expected) . ' frames of them');

my $node = Medimnet::node('nifti', catalog => 1, conf => "log_statement = none\n");
sub sql { return $node->safe_psql('postgres', 'SET search_path = medimnet, public; ' . join '', @_); }
sub file { return "pg_read_binary_file('$files/$_[0]')"; }

my @got = split /\n/, sql(map { "SELECT decode_frame(${\file($_->[0])}, $_->[1]);\n" } @expected);
my @wrong;
for my $i (0 .. $#expected)
{
	my ($name, $frame, $head, $samples) = @{ $expected[$i] };
	push @wrong, "$name $frame: " . substr($got[$i] // '', 0, 100)
	  unless ($got[$i] // '') =~ /^\Q$head\E .*\\x\Q$samples\E$/;
}
is(join("\n", @wrong), '', 'each has its samples');
is(sql("SELECT media_type('\\x1f8b') IS NULL, media_type('\\x1f8b0800000000000003' || content) IS NULL FROM ${\file('u16_2_be.nii.gz')} content"),
	't|t', 'a gzip file with no volume in it has no media type');
is(sql("SELECT media_type(content), frame_count(content), spacing(decode_frame(content)) FROM ${\file('u16_2_be.nii.gz')} content"),
	'application/nifti|6|{0.75,0.5}', 'kind, frames, spacing');

# ingest: described, and without a name anywhere
sql("SELECT add_collection('c', 'own')");
for my $name ('secret.nii', 'secret.nii.gz')
{
	my ($status, $image) = split /\|/, sql("SELECT status, image_id FROM ingest('c', ${\file($name)}, '$name', subject => '$name')");
	is($status, 'stored', "$name is stored");
	is(sql("SELECT media_type, width, height, frames, spacing_row, spacing_column, sop_class_uid IS NULL FROM image WHERE image_id = $image"),
		'application/nifti|16|16|5|1|1|t', 'with its geometry');
	is(sql("SELECT attributes FROM image_content WHERE image_id = $image"),
		'{"nifti": {"slope": 2, "affine": [[-1, 0, 0, 90], [0, 1, 0, -126], [0, 0, 3, -72]], "slices": 5, "version": 1, "volumes": 1, '
		  . '"data_type": "i16", "intercept": -10, "dimensions": [16, 16, 5], "orientation": "LAS", "spacing_slice": 3, "orientation_from": "sform"}}',
		'and what its header says');
	is(sql("SELECT bool_and(decode_frame(i.content, f)::text = decode_frame(${\file($name)}, f)::text) FROM image_content i, generate_series(1, 5) f WHERE image_id = $image"),
		't', 'its frames are those of the file');
	is(sql("SELECT deidentify(content, sha256('k')) = content FROM image_content WHERE image_id = $image"), 't', 'there is nothing more to take out');
	is(sql("SELECT content_hash = content_hash(decode_frame(${\file($name)}, 3)) FROM image WHERE image_id = $image"), 't', 'the middle frame stands for it');
	is(sql("SELECT status FROM ingest('c', ${\file($name)})"), 'duplicate', 'it is known again');
	my $hex = sql("SELECT encode(content, 'hex') FROM image_content WHERE image_id = $image");
	my $bytes = pack 'H*', $hex;
	unlike($bytes, qr/DOE|JANE/, 'it does not hold the name');
	next unless $name =~ /gz$/;
	open my $f, '>:raw', "$files/back.gz" or die;
	print $f $bytes;
	close $f;
	my $inflated = `gzip -dc '$files/back.gz'`;
	is($?, 0, 'gzip reads it');
	unlike($inflated, qr/DOE|JANE/, 'nor does it, inflated');
	is(length $inflated, 352 + 2560, 'all of the header and the volume is there, and no more');
}
is(sql('SELECT count(*) FROM catalog'), '2', 'both are in the catalog');

# several volumes: the middle of the first stands for all
{
	my ($status, $image) = split /\|/, sql("SELECT status, image_id FROM ingest('c', ${\file('u16_1_le.nii.gz')}, labels => '{x}')");
	is(sql("SELECT frames, key_frame, content_hash = content_hash(decode_frame(${\file('u16_1_le.nii.gz')}, 2)) FROM catalog JOIN image USING (image_id, frames, key_frame) WHERE image_id = $image"),
		'6|2|t', 'of 2 volumes of 3 slices, slice 2');
	sql("SELECT create_dataset('d', 'SELECT image_id, label FROM catalog WHERE image_id = $image')");
	is(sql('SELECT frame FROM dataset_member'), '2', 'in a dataset, too');
	sql("SELECT embed_images(array[subject_id], array[image_id], 'default', model_id) FROM image, model WHERE image_id = $image");
	is(sql("SELECT frame FROM image_embedding"), '2', 'and embedded');
	my ($slice) = sql("SELECT image_id FROM ingest('c', ${\file('slice.nii')})");
	is(sql("SELECT contact_sheet('{$image}', 1, 8) = contact_sheet('{$slice}', 1, 8)"), 't', 'and on a contact sheet');
}

# what is wrong, and what to do about it
my %refusals = (
	'truncated.nii' => 'the file ends after 2000 of 2976 bytes; if this is an image, send an undamaged copy',
	'truncated.nii.gz' => 'the gzip data end early; if this is an image, send an undamaged copy',
	'checksum.nii.gz' => 'the gzip data are damaged; if this is an image, send an undamaged copy',
	'damaged.nii.gz' => qr/^the gzip data are damaged; /,
	'liar.nii.gz' => qr/^\d+ bytes of compressed data would expand to 1200000352; /,
	'huge.nii' => qr/^the volume is beyond all limits; /,
	'complex.nii' => qr/^unsupported data type 32 of a NIfTI volume; /,
	'pair.hdr' => 'the file holds no image: it is the header of a volume in two files, .hdr and .img, which nibabel or FSL\'s fslchfiletype join into one .nii; only files with pixels are kept',
	'pair.hdr.gz' => qr/^the file holds no image: it is the header of a volume in two files/,
	'pair2.hdr' => qr/^the file holds no image: it is the header of a volume in two files/,
	'analyze.hdr' => qr/^the file holds no image: it is the header of a volume in two files/,
	'text.gz' => 'the file is neither DICOM, nor PNG, nor JPEG, nor NIfTI; if this is an image, send an undamaged copy');
for my $name (sort keys %refusals)
{
	my ($status, $reason) = split /\|/, sql("SELECT status, reason FROM ingest('c', ${\file($name)})"), 2;
	is($status, 'rejected', "$name is rejected");
	if (ref $refusals{$name}) { like($reason, $refusals{$name}, 'and said why'); }
	else { is($reason, $refusals{$name}, 'and said why'); }
}
my ($rc, $out, $err);
is(sql("SELECT width(decode_frame(${\file('checksum.nii.gz')}, 4))"), '16', 'a frame before the checksum is decoded');
($rc, $out, $err) = $node->psql('postgres', "SELECT medimnet.decode_frame(${\file('checksum.nii.gz')}, 5)");
like($err, qr/the gzip data are damaged/, 'with the last frame the checksum is looked at');

# 1.2 GB in 1.2 MB: below the limit of objects, but never in memory
my $rss = "SELECT pg_size_bytes(regexp_replace(pg_read_file('/proc/' || pg_backend_pid() || '/status'), '.*VmHWM:\\s+(\\d+ kB).*', '\\1')) / 1048576";
is(sql("SELECT frame_count(${\file('bomb.nii.gz')})"), '1200', 'a bomb says what it would be');
cmp_ok(sql("SELECT decode_frame(${\file('bomb.nii.gz')}, 200) IS NOT NULL; $rss") =~ /(\d+)\z/ && $1, '<', 200, 'a frame of it takes little memory');
($rc, $out, $err) = $node->psql('postgres', "SET medimnet.max_object_size = '1GB'; SELECT medimnet.decode_frame(${\file('bomb.nii.gz')})");
like($err, qr/a volume of 1200000352 bytes exceeds the limit of 1073741824/, 'and it is refused by the limit of objects');
($rc, $out, $err) = $node->psql('postgres', "SET medimnet.max_frame_size = '1MB'; SET statement_timeout = '20s'; SELECT medimnet.decode_frame(${\file('u8_1_le.nii')}), medimnet.decode_frame(${\file('bomb.nii.gz')}, 2)");
is($rc, 0, 'a frame below the limit of frames is decoded');
($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = '200ms'; SELECT medimnet.decode_frame(${\file('bomb.nii.gz')}, 1200)");
like($err, qr/canceling statement due to statement timeout/, 'a long way to a frame can be cut short');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
