# Enhanced objects: functional groups of thousands of frames, each its own; a
# concatenation's parts.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Medimnet;
use Test::More;
use Time::HiRes qw(time);

my $files = tempdir(CLEANUP => 1);
chmod 0755, $files;
is(system('/usr/bin/python3', "$FindBin::Bin/034_enhanced.py", $files), 0, 'files are written');

my $node = Medimnet::node('enhanced', catalog => 1, conf => "log_statement = none\n");
sub sql { return $node->safe_psql('postgres', 'SET search_path = medimnet, public; ' . join '', @_); }
sub file { return "pg_read_binary_file('$files/$_[0]')"; }
sql("SELECT add_collection('c', 'own')");

# of frame f, counted from 0: a slope of 1, an intercept of -f, samples f and
# 1000; the numbers go up to 9972
sub frame
{
	my ($f) = @_;
	$f %= 9973;
	return '2x1x1 ' . ($f ? 'i16' : 'u16') . ' HU spacing=' . (1 + $f) . ',' . (2 + $f) . " window=$f,1000 \\x" . unpack('H*', pack 's<s<', $f % 1000 - $f, 1000 - $f);
}

for my $name ('defined', 'undefined')
{
	is(sql("SELECT frame_count(${\file($name)})"), 4000, "$name: frames");
	is(sql("SELECT decode_frame(c, f) FROM ${\file($name)} c, unnest(array[1, 2000, 4000]) f"), join("\n", map { frame($_) } 0, 1999, 3999), 'each has its own groups');
	my $start = time;
	my ($status, $image) = split /\|/, sql("SELECT status, image_id FROM ingest('c', ${\file($name)})");
	note(sprintf 'received in %.2f s', time - $start);
	is($status, 'stored', 'stored');
	is(sql("SELECT decode_frame(content, f) FROM image_content, unnest(array[1, 2000, 4000]) f WHERE image_id = $image"), join("\n", map { frame($_) } 0, 1999, 3999),
		'with all groups');
	is(sql("SELECT jsonb_array_length(attributes #> '{52009230,Value}'), attributes #> '{52009230,omitted}', attributes #>> '{52009230,Value,63,00209111,Value,0,00209157,Value,0}',
		jsonb_array_length(attributes #> '{52009229,Value}') FROM image_content WHERE image_id = $image"), '64|3936|64|1', 'of which attributes have some');
	is(sql("SELECT jsonb_array_length(dicom_json(${\file($name)}) #> '{52009230,Value}')"), 64, 'and so has dicom_json()');
	$start = time;
	sql("SELECT count(decode_frame(c, f)) FROM ${\file($name)} c, generate_series(1, 4000, 40) f");
	note(sprintf '%.1f ms a frame', (time - $start) * 10);
}

# more frames than elements are kept of: the middle one, and all of them, still
# have their own
for my $name ('many_defined', 'many_undefined')
{
	my $start = time;
	my ($status, $image) = split /\|/, sql("SELECT status, image_id FROM ingest('c', ${\file($name)})");
	note(sprintf 'received in %.2f s', time - $start);
	is($status, 'stored', "$name: stored");
	is(sql("SELECT frames, key_frame, encode(content_hash, 'hex') FROM image WHERE image_id = $image"),
		"60000|30000|" . sql("SELECT encode(content_hash(decode_frame(${\file($name)}, 30000)), 'hex')"), 'with its middle frame');
	my @some = (1, 2, 29999, 30000, 30001, 60000);
	my $list = join ',', @some;
	is(sql("SELECT decode_frame(content, f) FROM image_content, unnest(array[$list]) f WHERE image_id = $image"), join("\n", map { frame($_ - 1) } @some),
		'of all frames, what is kept is what there was');
	is(sql("SELECT attributes #> '{52009230,omitted}' FROM image_content WHERE image_id = $image"), 60000 - 64, 'attributes have some');
	is(sql("SELECT dicom_json(${\file($name)}) #> '{52009230,omitted}'"), 60000 - 64, 'and so has dicom_json()');
}

# parts of a concatenation (PS3.3 C.7.6.16.2.2.4): images of one series
sql("SELECT ingest('c', ${\file($_)})") for 'part1', 'part2';
is(sql("SELECT count(*), count(DISTINCT series_id), count(DISTINCT sop_instance_uid), count(DISTINCT attributes #>> '{00209161,Value,0}'), count(DISTINCT attributes #>> '{00200242,Value,0}'), sum(frames),
	bool_or(attributes #>> '{00209161,Value,0}' = '1.2.3.7' OR attributes #>> '{00200242,Value,0}' = '1.2.3.70')
	FROM image JOIN image_content USING (subject_id, image_id) WHERE frames = 3"), '2|1|2|1|1|6|f', 'two images, one series, one concatenation of one source, under other UIDs');
is(sql("SELECT attributes #> '{00209162,Value,0}', attributes #> '{00209228,Value,0}', decode_frame(content, 1) FROM image JOIN image_content USING (subject_id, image_id) WHERE frames = 3 ORDER BY 1"),
	'1|0|' . frame(0) . "\n2|3|" . frame(3), 'frames count within the part');
Medimnet::log_is_clean($node);
$node->stop;
done_testing();
