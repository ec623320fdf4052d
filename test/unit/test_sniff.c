/* what a file is by its first bytes */

#include "image/sniff.h"
#include "tap.h"

static void
is_media(const void *bytes, size_t length, const char *want, const char *name)
{
	is_str(mmn_media_type(bytes, length), want, "%s", name);
}

int
main(void)
{
	char preamble[200] = "";
	/* (0008,0005) CS "ISO_IR 100" (0008,0016) …, in three encodings */
	static const char explicit_le[] =
		"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0UI\x02\0"
		"1.";
	static const char implicit_le[] =
		"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x16\0\2\0\0\0"
		"1.";
	static const char explicit_be[] = "\0\x08\0\x05"
									  "CS\0\x0aISO_IR 100\0\x08\0\x16UI\0\x02"
									  "1.";
	/* (0002,0001) OB with its 32-bit length */
	static const char meta[] =
		"\x02\0\x01\0OB\0\0\2\0\0\0\0\1\x02\0\x10\0UI\2\0"
		"1.";
	char backwards[sizeof explicit_le];

	memcpy(preamble + 128, "DICM", 4);
	is_media(preamble, 132, "application/dicom", "preamble and DICM");
	is_media(preamble, 131, NULL, "one byte less");
	is_media("DICM\x02\0", 6, "application/dicom", "DICM without preamble");
	is_media(explicit_le, sizeof explicit_le - 1, "application/dicom",
			 "explicit VR without preamble");
	is_media(implicit_le, sizeof implicit_le - 1, "application/dicom",
			 "implicit VR without preamble");
	is_media(explicit_be, sizeof explicit_be - 1, "application/dicom",
			 "big endian without preamble");
	is_media(meta, sizeof meta - 1, "application/dicom",
			 "file meta information without preamble");
	is_media(explicit_le, 20, NULL, "one element alone is no evidence");
	memcpy(backwards, explicit_le, sizeof backwards);
	backwards[20] = 0x04;
	is_media(backwards, sizeof backwards - 1, NULL,
			 "tags that do not ascend are none");
	is_media("\x89PNG\r\n\x1a\n", 8, "image/png", "PNG");
	is_media("\x89PNG\r\n\x1a", 7, NULL, "a cut-off PNG signature");
	is_media("\xff\xd8\xff\xe0", 4, "image/jpeg", "JPEG");
	is_media("\xff\xd8", 2, NULL, "a cut-off JPEG signature");
	is_media("GIF89a", 6, NULL, "GIF is none of ours");
	is_media("", 0, NULL, "nothing is nothing");
	return done_testing();
}
