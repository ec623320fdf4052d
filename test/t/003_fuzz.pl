# A short fuzz of every parser with address and undefined-behaviour sanitizers,
# from the corpus in test/fuzz/corpus, with the words in test/fuzz/*.dict.
#
#   FUZZ_SECONDS   for each target; two run at a time
#   FUZZ_FOUND     a folder where inputs that reach new code are kept, by
#                  target, and started from next time
use strict;
use warnings;
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);

my @targets = sort glob "$ENV{MEDIMNET_BUILD}/fuzz/fuzz_*";
@targets or BAIL_OUT("no fuzz targets in $ENV{MEDIMNET_BUILD}/fuzz: run make test");
my $seconds = $ENV{FUZZ_SECONDS} || 20;
my $fuzz = "$ENV{MEDIMNET_TOP}/test/fuzz";
my $scratch = tempdir(CLEANUP => 1);

# What a target of this name runs with; its output goes to a file.
sub start
{
	my ($target, $theme) = @_;
	my $kept = ($ENV{FUZZ_FOUND} // $scratch) . "/$theme";
	make_path($kept, "$scratch/found/$theme");
	my $pid = fork() // die "cannot fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$scratch/$theme.log" or die;
	open STDERR, '>&', \*STDOUT or die;
	exec $target, (-e "$fuzz/$theme.dict" ? "-dict=$fuzz/$theme.dict" : ()), "-max_total_time=$seconds", '-timeout=25',
	  '-rss_limit_mb=2048', '-print_final_stats=1', "-artifact_prefix=$scratch/found/$theme/", $kept, "$fuzz/corpus/$theme" or exit 127;
}

my (%running, %status, %took);
my @waiting = @targets;
while (@waiting || %running)
{
	while (@waiting && keys %running < 2)
	{
		my $target = shift @waiting;
		my ($theme) = basename($target) =~ /^fuzz_(.*)$/;
		ok(-d "$fuzz/corpus/$theme", "$theme has a corpus");
		$took{$theme} = time;
		$running{ start($target, $theme) } = $theme;
	}
	my $theme = delete $running{ my $pid = wait } or next;
	$status{$theme} = $?;
	$took{$theme} = time - $took{$theme};
}

my @table = sprintf '%-14s %11s %8s %7s %7s %8s', qw(target inputs seconds corpus edges findings);
my ($total, $findings) = (0, 0);
for my $theme (sort keys %status)
{
	open my $log, '<', "$scratch/$theme.log" or die;
	my $output = do { local $/; <$log> };
	my ($runs) = $output =~ /number_of_executed_units:\s*(\d+)/;
	my ($edges, $corpus) = $output =~ /.*cov: (\d+) .*?corp: (\d+)/s;
	my @found = glob "$scratch/found/$theme/*";
	ok($status{$theme} == 0 && ($runs // 0) > 0 && !@found, "$theme: nothing found") or diag(substr $output, -4000);
	diag('reproduced by ' . unpack 'H*', do { local (@ARGV, $/) = $_; <> }) for grep { -s $_ < 10_000 } @found;
	push @table, sprintf '%-14s %11d %8.0f %7d %7d %8d', $theme, $runs // 0, $took{$theme}, $corpus // 0, $edges // 0, scalar @found;
	$total += $runs // 0;
	$findings += @found;
}
diag($_) for @table, sprintf '%-14s %11d %8s %7s %7s %8d', 'all', $total, '', '', '', $findings;
done_testing();
