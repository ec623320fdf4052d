# What becomes of the files of public test collections.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = Medimnet::shared('data/conformance');
open my $manifest, '<', "$dir/manifest.tsv" or die;
chomp(my $head = <$manifest>);
my @names = split /\t/, $head;
my @rows;
while (<$manifest>)
{
	chomp;
	my %row;
	@row{@names} = split /\t/, $_, -1;
	push @rows, \%row;
}

my $node = Medimnet::node('conformance', catalog => 1, conf => "log_statement = none\n");
$node->safe_psql('postgres', "SELECT medimnet.add_collection('c', 'various')");
my ($rc, $out, $err) = $node->psql('postgres',
	join '', map { my $f = "$dir/$_->{path}" =~ s/'/''/gr; "SELECT status, image_id, reason FROM medimnet.ingest('c', pg_read_binary_file('$f'));\n" } @rows);
is($rc, 0, 'no file ends the load') or diag($err);
my @outcomes = map { [ split /\|/, $_, 3 ] } split /\n/, $out;
is(scalar @outcomes, scalar @rows, 'each of the ' . @rows . ' files has an outcome');

my (%status, %reason, @unexpected, @wrong);
for my $i (0 .. $#rows)
{
	my ($row, $status, $image, $reason) = ($rows[$i], @{ $outcomes[$i] });
	$status{$status}++;
	$reason{"$status: " . ($reason =~ s/\d+/N/gr)}++ if $reason ne '';
	# native, RLE, JPEG lossless and JPEG-LS images on which both reference decoders agree
	my $syntax = $row->{transfer_syntax_uid} =~ s/^1\.2\.840\.10008\.1\.2//r;
	push @unexpected, "$row->{path}: $reason"
		if $status eq 'rejected' && $row->{gdcm_raw_pixel_sha256} ne '' && $row->{gdcm_raw_pixel_sha256} eq $row->{dcmtk_raw_pixel_sha256}
		&& $syntax =~ /^(?:|\.1|\.2|\.5|\.4\.(?:57|70|80|81))$/;
	next if $status ne 'stored' && $status ne 'quarantined';
	my $got = $node->safe_psql('postgres', "SELECT width, height, frames FROM medimnet.image WHERE image_id = $image");
	push @wrong, "$row->{path}: $got" if $row->{cols} ne '' && $got ne join '|', $row->{cols}, $row->{rows}, $row->{frames} =~ /^(\d+)/ ? $1 : 1;
}
diag(sprintf '%4d %s', $status{$_}, $_) for sort keys %status;
diag(sprintf '%4d %s', $reason{$_}, $_) for sort { $reason{$b} <=> $reason{$a} || $a cmp $b } keys %reason;
is(join("\n", @wrong), '', 'columns, rows and frames as in the manifest');
is(join("\n", @unexpected), '', 'no image is refused that both GDCM and DCMTK decode alike');
is($node->safe_psql('postgres', 'SELECT count(*) FROM medimnet.ingest_log'), scalar @rows, 'each is in the log');
is($node->safe_psql('postgres', "SELECT count(*) FROM medimnet.ingest_log WHERE status IN ('rejected', 'quarantined') AND coalesce(reason, '') = ''"), 0, 'with a reason where it was not simply stored');

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
