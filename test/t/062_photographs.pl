# predict() of published networks on natural photographs that Debian's packages
# bring along: they name what is to be seen.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use Test::More;

# photograph, network, class that must be the best, its name; of a package that
# make test installs, and of others, looked at where they are there
my $python = '/usr/lib/python3/dist-packages';
my $imageio = "$python/imageio/resources/images";
my $skimage = "$python/skimage/data";
my $opencv = '/usr/share/doc/opencv-doc/examples';
my @photographs = (
	[ "$imageio/chelsea.png", 'mobilenet_v2', 285, 'Egyptian cat' ],
	[ "$imageio/chelsea.png", 'mobilenet_v1', 285, 'Egyptian cat' ],
	[ "$imageio/chelsea.png", 'squeezenet', 285, 'Egyptian cat' ],
	[ "$imageio/chelsea.png", 'resnet20', 3, 'cat' ],
	[ "$skimage/coffee.png", 'mobilenet_v2', 967, 'espresso' ],
	[ "$skimage/rocket.jpg", 'mobilenet_v2', 657, 'missile' ],
	[ "$opencv/data/baboon.jpg", 'mobilenet_v2', 372, 'baboon' ],
	[ "$opencv/dnn_superres/butterfly.png", 'mobilenet_v2', 323, 'monarch butterfly' ],
	[ '/usr/share/darknet/data/kite.jpg', 'mobilenet_v2', 978, 'seashore' ],
	[ '/usr/share/darknet/data/eagle.jpg', 'resnet20', 2, 'bird' ]);

# network, file, side, mean, std, channel order
my @networks = (
	[ 'mobilenet_v2', 'mobilenet_v2_1.0_224_imagenet', 224, '127.5,127.5,127.5', '127.5,127.5,127.5', 'RGB' ],
	[ 'mobilenet_v1', 'mobilenet_v1_0.25_128_imagenet', 128, '127.5,127.5,127.5', '127.5,127.5,127.5', 'RGB' ],
	[ 'squeezenet', 'squeezenet1.1_224_imagenet', 224, '104,117,123', '1,1,1', 'BGR' ],
	[ 'resnet20', 'resnet20_cifar10_32', 32, '123.675,116.28,103.53', '58.395,57.12,57.375', 'RGB' ]);

my $models = ($ENV{MEDIMNET_SHARED} // '') . '/models';
if (!-e "$models/$networks[0][1].onnx")
{
	BAIL_OUT("CI must have $models") if $ENV{CI};
	plan skip_all => "no published networks in $models";
}
BAIL_OUT("$imageio/chelsea.png is missing: install python3-imageio") if !-e "$imageio/chelsea.png";

my $node = Medimnet::node('photographs', catalog => 1);
for (@networks)
{
	my ($name, $file, $side, $mean, $std, $order) = @$_;
	$node->safe_psql('postgres', "SELECT medimnet.load_model('$name', pg_read_binary_file('$models/$file.onnx'), $side, $side, 3, " .
		"'{$mean}', '{$std}', 'features', 'test', '$order')");
}
for (grep { -e $_->[0] } @photographs)
{
	my ($path, $network, $class, $what) = @$_;
	my ($photograph) = $path =~ m{([^/]+)$};
	is($node->safe_psql('postgres',
		"SELECT class - 1 FROM unnest(medimnet.predict(medimnet.decode_frame(pg_read_binary_file('$path')), '$network')::real[]) " .
		'WITH ORDINALITY AS p (score, class) ORDER BY score DESC LIMIT 1'), $class, "$network sees in $photograph: $what");
}
$node->stop;
done_testing();
