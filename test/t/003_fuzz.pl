# A short fuzz of every parser with address and undefined-behaviour sanitizers,
# from the corpus in test/fuzz/corpus, with the words in test/fuzz/*.dict;
# FUZZ_SECONDS each.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my @targets = sort glob "$ENV{MEDIMNET_BUILD}/fuzz/fuzz_*";
@targets or BAIL_OUT("no fuzz targets in $ENV{MEDIMNET_BUILD}/fuzz: run make test");
my $seconds = $ENV{FUZZ_SECONDS} || 5;
my $total = 0;
for my $target (@targets)
{
	my ($theme) = basename($target) =~ /^fuzz_(.*)$/;
	my $found = tempdir(CLEANUP => 1);
	my $corpus = "$ENV{MEDIMNET_TOP}/test/fuzz/corpus/$theme";
	my $dictionary = "$ENV{MEDIMNET_TOP}/test/fuzz/$theme.dict";
	$dictionary = -e $dictionary ? "-dict=$dictionary" : '';
	my $output = `$target $dictionary -max_total_time=$seconds -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$found/ -print_final_stats=1 $found $corpus 2>&1`;
	my $status = $?;
	my ($runs) = $output =~ /number_of_executed_units:\s*(\d+)/;
	$total += $runs // 0;
	ok($status == 0 && ($runs // 0) > 0, "$theme: " . ($runs // 0) . " inputs") or diag(substr $output, -4000);
}
note("$total inputs over " . @targets . ' targets');
done_testing();
