# What the TAP tests share.
package Medimnet;
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A started cluster; with the extension and the catalog when asked to.
#   node(NAME, catalog => 1, partitions => 4, conf => "text", init => {...})
sub node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%{ $options{init} // {} });
	$node->append_conf('postgresql.conf', "fsync = off\n" . ($options{conf} // ''));
	$node->start;
	if ($options{catalog})
	{
		my $partitions = $options{partitions} // 0;
		$node->safe_psql('postgres', "CREATE EXTENSION medimnet; SELECT medimnet.create_catalog($partitions)");
	}
	return $node;
}

# A path in the shared test data, which a checkout may come without: then the
# whole test file is skipped, and says so by name.
sub shared
{
	my ($path) = @_;
	my $full = ($ENV{MEDIMNET_SHARED} // '') . "/$path";
	return $full if $ENV{MEDIMNET_SHARED} && -e $full;
	BAIL_OUT("CI must have shared/$path") if $ENV{CI};
	plan(skip_all => "no shared/$path beside this checkout");
}

# The folder of test files of Debian's python3-pydicom.
sub pydicom_files
{
	my ($dir) = grep { -d } glob '/usr/lib/python3*/dist-packages/pydicom/data/test_files';
	return $dir if $dir;
	BAIL_OUT('CI must have python3-pydicom') if $ENV{CI};
	plan(skip_all => 'python3-pydicom is not installed');
}

sub slurp
{
	my ($path) = @_;
	open my $f, '<:raw', $path or die "cannot open $path: $!";
	local $/;
	return scalar <$f>;
}

# The bytes of a file as a bytea literal.
sub bytea_literal
{
	my ($path) = @_;
	return "'\\x" . unpack('H*', slurp($path)) . "'::bytea";
}

# Nothing in the server's log says that a process of the server died.
sub log_is_clean
{
	my ($node, $name) = @_;
	my $log = slurp($node->logfile);
	my @deaths = $log =~ /^(.*(?:terminated by signal|server process .* was terminated|PANIC).*)$/mg;
	is(scalar(@deaths), 0, $name // 'no server process died') or diag(@deaths);
}

1;
