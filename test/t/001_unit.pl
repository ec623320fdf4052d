# The core's unit tests: each test/unit/test_*.c is a TAP program of its own.
use strict;
use warnings;
use File::Basename;
use Test::More;

my @programs = sort glob "$ENV{MEDIMNET_BUILD}/unit/test_*";
@programs or BAIL_OUT("no unit tests in $ENV{MEDIMNET_BUILD}/unit: run make test");
for my $program (@programs)
{
	my $output = `$program 2>&1`;
	my $status = $?;
	my $run = () = $output =~ /^(?:not )?ok /mg;
	ok($status == 0 && $run > 0 && $output =~ /^1\.\.$run$/m,
		basename($program) . ": $run checks")
	  or diag("status $status\n", join "", map { "$_\n" } grep { !/^ok / } split /\n/, $output);
}
done_testing();
