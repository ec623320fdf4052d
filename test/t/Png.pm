# PNG files that tests make themselves.
package Png;
use strict;
use warnings;
use Compress::Zlib;

sub chunk
{
	my ($kind, $data) = @_;
	return pack('N', length $data) . $kind . $data . pack('N', crc32($kind . $data));
}

# An 8-bit grey image of width x height; SAMPLE->(x, y) is 0..255.
sub grey
{
	my ($width, $height, $sample) = @_;
	my $rows = '';
	for my $y (0 .. $height - 1)
	{
		$rows .= "\0" . pack('C*', map { $sample->($_, $y) & 255 } 0 .. $width - 1);
	}
	return "\x89PNG\r\n\x1a\n"
	  . chunk('IHDR', pack('NNC5', $width, $height, 8, 0, 0, 0, 0))
	  . chunk('IDAT', compress($rows))
	  . chunk('IEND', '');
}

# As grey(), into a file.
sub write_grey
{
	my ($path, @image) = @_;
	open my $file, '>:raw', $path or die "cannot write $path: $!";
	print $file grey(@image);
	close $file or die "cannot write $path: $!";
	return;
}

1;
