# embed() against a reference evaluation of the same network in double precision
# (test/reference_onnx.py, which shares no code with it).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('embed', catalog => 1);
my $top = $ENV{MEDIMNET_TOP};
my $models = ($ENV{MEDIMNET_SHARED} // '') . '/models';

# name, file, side, mean, std, order
my @imagenet = ('123.675,116.28,103.53', '58.395,57.12,57.375');
my @unit = ('127.5,127.5,127.5', '127.5,127.5,127.5');
my @networks = (
	[ 'default', "$top/model/medimnet-default.onnx", 64, '127.5,127.5,127.5', '63.75,63.75,63.75', 'RGB' ],
	[ 'mobilenet_v2', "$models/mobilenet_v2_1.0_224_imagenet.onnx", 224, @unit, 'RGB' ],
	[ 'mobilenet_v1', "$models/mobilenet_v1_0.25_128_imagenet.onnx", 128, @unit, 'RGB' ],
	[ 'squeezenet', "$models/squeezenet1.1_224_imagenet.onnx", 224, '104,117,123', '1,1,1', 'BGR' ],
	[ 'resnet20', "$models/resnet20_cifar10_32.onnx", 32, @imagenet, 'RGB' ],
	[ 'malaria', "$models/nlm_malaria_thinsmear_44.onnx", 44, '0,0,0', '255,255,255', 'RGB' ]);

# A picture with edges, gradients and grain: W, H, C.
sub picture
{
	my ($w, $h, $c) = @_;
	my ($bytes, $seed) = ('', 12345);
	for my $y (0 .. $h - 1)
	{
		for my $x (0 .. $w - 1)
		{
			for my $k (0 .. $c - 1)
			{
				$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
				my $v = 120 + 90 * sin(($x + 20 * $k) * 6 / $w) * cos($y * 5 / $h) + ($seed >> 16) % 40 - 20;
				$v = 230 if ($x - $w / 2)**2 + ($y - $h / 3)**2 < ($w / 6)**2;
				$bytes .= chr($v < 0 ? 0 : $v > 255 ? 255 : int $v);
			}
		}
	}
	return $bytes;
}

# The image as a PPM or PGM would be simplest, but files are PNG, JPEG or DICOM.
sub png
{
	my ($w, $h, $c, $bytes) = @_;
	require Compress::Zlib;
	my $chunk = sub { pack('N', length $_[1]) . $_[0] . $_[1] . pack('N', Compress::Zlib::crc32($_[0] . $_[1])) };
	my $rows = join '', map { "\0" . substr($bytes, $_ * $w * $c, $w * $c) } 0 .. $h - 1;
	return "\x89PNG\r\n\x1a\n" . $chunk->('IHDR', pack('NNCCCCC', $w, $h, 8, $c == 3 ? 2 : 0, 0, 0, 0)) .
		$chunk->('IDAT', Compress::Zlib::compress($rows)) . $chunk->('IEND', '');
}

sub write_file
{
	my ($path, $bytes) = @_;
	open my $f, '>:raw', $path or die "cannot write $path: $!";
	print $f $bytes;
	close $f;
	return $path;
}

my $temp = PostgreSQL::Test::Utils::tempdir();

sub compare
{
	my ($name, $file, $side, $mean, $std, $order, $w, $h, $c, $output) = @_;
	my $bytes = picture($w, $h, $c);
	my $raw = write_file("$temp/image", $bytes);
	my @want = split /\n/, `/usr/bin/python3 $top/test/reference_onnx.py $file $raw $w $h $c $side $side 3 $mean $std $order $output`;
	my @got = split /,/, $node->safe_psql('postgres',
		"SELECT trim(both '[]' from medimnet.embed(medimnet.decode_frame('\\x" . unpack('H*', png($w, $h, $c, $bytes)) . "'), '$name')::text)");
	my ($largest, $error) = (0, @got == @want ? 0 : 9e9);
	for my $i (0 .. $#want)
	{
		$largest = abs $want[$i] if abs $want[$i] > $largest;
		my $e = abs($want[$i] - ($got[$i] // 0));
		$error = $e if $e > $error;
	}
	ok($largest > 0 && $error <= 1e-4 * $largest,
		sprintf '%s, %s of a %dx%dx%d image: %d values, error %.2g of the largest', $name, $output, $w, $h, $c, scalar @want, $error / ($largest || 1));
}

for (@networks)
{
	my ($name, $file, $side, $mean, $std, $order) = @$_;
	SKIP: {
		if (!-e $file)
		{
			BAIL_OUT("CI must have $file") if $ENV{CI};
			skip "no $file", 3;
		}
		# the wanted value of default is what the catalog asks for, and logits by another name
		for my $output ('features', 'logits')
		{
			my $as = $name eq 'default' && $output eq 'features' ? 'default' : "$name $output";
			$node->safe_psql('postgres',
				"SELECT medimnet.load_model('$as', " . Medimnet::bytea_literal($file) .
				", $side, $side, 3, '{$mean}', '{$std}', '$output', 'test', '$order')")
				if $as ne 'default';
			compare($as, $file, $side, $mean, $std, $order, $side, $side, 3, $output);
		}
		my $as = $name eq 'default' ? 'default' : "$name features";
		compare($as, $file, $side, $mean, $std, $order, $side + 37, $side - 7, 3, 'features');
		compare($as, $file, $side, $mean, $std, $order, 2 * $side, $side, 1, 'features');
	}
}
$node->stop;
done_testing();
