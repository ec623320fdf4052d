# Makes a C table of a TSV whose first column is a tag and whose second a short
# code: exact tags sorted as they come, tags with x digits as mask and value.
BEGIN {
	FS = "\t"
	previous = ""
}
/^#/ || NF == 0 { next }
{
	if ($1 !~ /^[0-9A-Fx]+$/ || length($1) != 8 || ($1 "") <= (previous "")) {
		print FILENAME ":" FNR ": bad or unsorted tag " $1 > "/dev/stderr"
		exit 1
	}
	previous = $1
	if ($1 ~ /x/) {
		mask = value = $1
		gsub(/[^x]/, "F", mask)
		gsub(/x/, "0", mask)
		gsub(/x/, "0", value)
		masked = masked sprintf("\t{0x%s, 0x%s, \"%s\"},\n", mask, value, $2)
	} else
		exact = exact sprintf("\t{0x%s, \"%s\"},\n", $1, $2)
}
END {
	printf "/* generated, do not edit */\n"
	printf "static const exact_row exact_rows[] = {\n%s};\n", exact
	printf "static const masked_row masked_rows[] = {\n%s};\n", masked
}
