# Files that crash, hang or bloat libgdcm: each is stored or refused, and no
# process of the server dies of it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = Medimnet::shared('data/crashers');
my @files = sort glob "$dir/*";
my $node = Medimnet::node('crashers', catalog => 1, conf => "log_statement = none\n");
$node->safe_psql('postgres', "SELECT medimnet.add_collection('crashers', 'unknown')");

# one session for all: a file must not spoil the next one's chances
my $sql = join '', map { "SELECT status, CASE status WHEN 'rejected' THEN reason END FROM medimnet.ingest('crashers', pg_read_binary_file('$_'));\n" } @files;
my ($rc, $out, $err) = $node->psql('postgres', $sql);
is($rc, 0, 'the session lives through all of them') or diag($err);
my @outcomes = split /\n/, $out;
is(scalar @outcomes, scalar @files, 'each of the ' . @files . ' files has an outcome');
is(scalar(grep { !/^(?:stored|quarantined|duplicate|rejected)\|/ } @outcomes), 0, 'and only those that there are');
is(scalar(grep { /^rejected\|$/ } @outcomes), 0, 'a refusal has a reason');
my %count;
$count{$_}++ for @outcomes;
diag(sprintf '%4d %s', $count{$_}, s/\|/: /r) for sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;

Medimnet::log_is_clean($node);
$node->stop;
done_testing();
