# Settings: each has a unit and is documented, and those that protect the
# server are out of reach of who is no superuser, whichever way is tried.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Medimnet;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Medimnet::node('settings');
my ($out, $err);
my $load = "LOAD 'medimnet'";
$node->safe_psql('postgres', 'CREATE EXTENSION medimnet; GRANT USAGE ON SCHEMA medimnet TO PUBLIC; CREATE ROLE contributor LOGIN; CREATE ROLE owner LOGIN; CREATE DATABASE owned OWNER owner');

# name => [default, smallest, largest, another value, who sets it]
my %want = (
	'decoder_timeout' => ['1min', '10ms', '1h', '90s', 'superuser'],
	'decoder_memory' => ['512MB', '64MB', '64GB', '1GB', 'superuser'],
	'decoder_sandbox' => ['on', undef, undef, 'off', 'superuser'],
	'max_frame_size' => ['256MB', '1kB', '1048447kB', '512MB', 'superuser'],
	'max_object_size' => ['4194303kB', '1kB', '4194303kB', '2GB', 'superuser'],
	'deid_key_file' => ['medimnet.key', undef, undef, 'other.key', 'sighup'],
	'model_cache' => ['256MB', '1MB', undef, '512MB', 'user'],
	'simd' => ['auto', undef, undef, 'portable', 'user'],
	'threads' => [1, 1, 64, 2, 'user']);

my @settings = map { [split /\|/] } split /\n/,
  $node->safe_psql('postgres', "$load; SELECT substr(name, 10), vartype, coalesce(unit, ''), context, short_desc FROM pg_settings WHERE name ~ '^medimnet[.]' ORDER BY 1");
is(join(' ', map { $_->[0] } @settings), join(' ', sort keys %want), 'these settings there are');
my $doc = Medimnet::slurp("$ENV{MEDIMNET_TOP}/doc/settings.md");
for (@settings)
{
	my ($name, $type, $unit, $context, $about) = @$_;
	my ($default, $least, $most, $other, $by) = @{ $want{$name} };
	is($context, $by, "$name is set by $by");
	isnt($unit, '', "$name has a unit") if $type eq 'integer' && $name ne 'threads';
	like($about, qr/^[A-Z].*\.$/, "$name is described");
	like($doc, qr/^\| `medimnet\.$name` \|/m, "$name is documented");
	is($node->safe_psql('postgres', "$load; SHOW medimnet.$name"), $default, "$name is $default by default");
	for (grep { defined } $by eq 'sighup' ? () : ($least, $most, $other))
	{
		(undef, $out, $err) = $node->psql('postgres', "$load; SET medimnet.$name = '$_'");
		is($err, '', "$name can be $_");
	}
	for (grep { defined $_->[0] } [$least, -1, 'less'], [$most, 1, 'more'])
	{
		my ($number, $scale) = $_->[0] =~ /^(\d+)(\D*)$/;
		(undef, $out, $err) = $node->psql('postgres', "$load; SET medimnet.$name = '@{[$number + $_->[1]]}$scale'");
		like($err, qr/is outside the valid range/, "$name cannot be $_->[2]");
	}
}

# Whoever is no superuser, by whatever way, once the library is there.
for my $name (grep { $want{$_}[4] eq 'superuser' } sort keys %want)
{
	my $value = $want{$name}[3];
	my %way = (
		'SET' => "SET medimnet.$name = '$value'",
		'SET LOCAL' => "BEGIN; SET LOCAL medimnet.$name = '$value'",
		'set_config()' => "SELECT set_config('medimnet.$name', '$value', false)",
		'a function' => "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET medimnet.$name = '$value' AS \$\$ SELECT current_setting('medimnet.$name') \$\$; SELECT pg_temp.f()",
		'ALTER ROLE' => "ALTER ROLE contributor SET medimnet.$name = '$value'",
		'RESET' => "RESET medimnet.$name");
	for (sort keys %way)
	{
		# the role logs in as itself; the functions it may call load the library
		(undef, $out, $err) = $node->psql('postgres', "SELECT '1x1x1 u8 raw \\x00'::medimnet.pixels IS NULL; $way{$_}", extra_params => [ '-U', 'contributor' ]);
		like($err, qr/permission denied to set parameter "medimnet\.$name"/, "$name: not by $_");
	}
}

# Before the library is there, its names can be given any value.  When it
# comes, what they may not have set is dropped.
my @protected = grep { $want{$_}[4] ne 'user' } sort keys %want;
my @shown = grep { $_ ne 'deid_key_file' } sort keys %want;
sub dropped
{
	my ($what, $before) = @_;
	my $late = join '; ', map { "SELECT 'late $_ ' || current_setting('medimnet.$_')" } @shown;
	(undef, $out, $err) = $node->psql('postgres', "$before; SELECT '1x1x1 u8 raw \\x00'::medimnet.pixels IS NULL; $late",
		extra_params => [ '-U', 'contributor' ], on_error_stop => 0);
	is(join("\n", $out =~ /^late (.*)$/mg), join("\n", map { "$_ $want{$_}[0]" } @shown), "$what: the defaults hold");
	is(scalar(() = $err =~ /WARNING:  (?:permission denied to set parameter|parameter "medimnet\.deid_key_file" cannot be changed now)/g), scalar @protected,
		"$what: with a warning each") or diag($err);
}
dropped('SET before the library', join '; ', map { "SET medimnet.$_ = '$want{$_}[3]'" } @protected);
{
	local $ENV{PGOPTIONS} = join ' ', map { "-c medimnet.$_=$want{$_}[3]" } @protected;
	dropped('options of the connection', 'SELECT');
}
for my $name (@protected)
{
	(undef, $out, $err) = $node->psql('owned', "ALTER DATABASE owned SET medimnet.$name = '$want{$name}[3]'", extra_params => [ '-U', 'owner' ]);
	like($err, qr/permission denied to set parameter/, "$name: not by ALTER DATABASE of its owner");
	(undef, $out, $err) = $node->psql('owned', "ALTER ROLE owner SET medimnet.$name = '$want{$name}[3]'", extra_params => [ '-U', 'owner' ]);
	like($err, qr/permission denied to set parameter/, "$name: not by ALTER ROLE");
}

# An operator who was given one can set that, and no other.
$node->safe_psql('postgres', 'CREATE ROLE operator LOGIN; GRANT SET ON PARAMETER medimnet.decoder_timeout TO operator');
(undef, $out, $err) = $node->psql('postgres', "SELECT '1x1x1 u8 raw \\x00'::medimnet.pixels IS NULL; SET medimnet.decoder_timeout = '5s'; SHOW medimnet.decoder_timeout; SET medimnet.decoder_memory = '1GB'",
	extra_params => [ '-U', 'operator' ], on_error_stop => 0);
like($out, qr/^5s$/m, 'a setting can be granted');
like($err, qr/^\S*\s*ERROR:  permission denied to set parameter "medimnet\.decoder_memory"$/m, 'one at a time');
(undef, $out, $err) = $node->psql('postgres', "SELECT '1x1x1 u8 raw \\x00'::medimnet.pixels IS NULL; SHOW medimnet.deid_key_file", extra_params => [ '-U', 'operator' ]);
like($err, qr/must be superuser or have privileges of pg_read_all_settings|permission denied/, 'where the key is, is for superusers');
(undef, $out, $err) = $node->psql('postgres', "$load; SET medimnet.no_such_setting = 1");
like($err, qr/invalid configuration parameter name/, 'a misspelled name is an error');

$node->stop;
done_testing();
