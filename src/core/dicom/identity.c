#include <string.h>

#include "base/hmac.h"
#include "dicom/deid.h"

/*
 * Keyed identities.  Those of UIDs and of subjects cannot meet: what is hashed
 * for a subject begins with a word and a zero byte, which no UID has.
 */

#define REGISTERED "1.2.840.10008."

/* UIDs that DICOM registered: classes, syntaxes, coding schemes (PS3.6 A). */
static bool
is_registered(const char *uid)
{
	return strncmp(uid, REGISTERED, strlen(REGISTERED)) == 0 &&
		   strspn(uid, "0123456789.") == strlen(uid) &&
		   strlen(uid) < MMN_UID_SIZE;
}

void
mmn_deid_uid(const void *key, size_t key_length, const char *original,
			 char out[MMN_UID_SIZE])
{
	mmn_part part = {original, strlen(original)};
	uint8_t hash[MMN_SHA256_SIZE];
	char digits[40];
	size_t n = sizeof digits;
	unsigned __int128 number = 0;

	if (is_registered(original))
	{
		strcpy(out, original);
		return;
	}
	mmn_hmac_sha256(key, key_length, &part, 1, hash);
	/* a UUID of version 4 by its looks (PS3.5 B.2, RFC 4122) */
	hash[6] = (hash[6] & 0x0F) | 0x40;
	hash[8] = (hash[8] & 0x3F) | 0x80;
	for (int i = 0; i < 16; i++)
		number = number << 8 | hash[i];
	digits[--n] = '\0';
	do
	{
		digits[--n] = (char)('0' + (int)(number % 10));
		number /= 10;
	} while (number > 0);
	strcpy(out, "2.25.");
	strcat(out, digits + n);
}

/* What people type into Patient ID when there is no patient to name. */
static bool
is_placeholder(const char *id)
{
	static const char *const words[] = {
		"anon",			"anonymous",   "anonymized",   "anonymised",
		"deidentified", "empty",	   "na",		   "nil",
		"noid",			"noname",	   "none",		   "nopatientid",
		"notavailable", "null",		   "patient",	   "patientid",
		"removed",		"undefined",   "unidentified", "unknown",
		"unk",			"unspecified", "id",
	};
	char squeezed[32];
	size_t n = 0;
	bool same = true;

	for (; *id; id++)
	{
		char c = *id;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(unsigned char)c >= 0x80)
		{
			if (n + 1 >= sizeof squeezed)
				return false;
			squeezed[n++] = c;
			same = same && c == squeezed[0];
		}
	}
	squeezed[n] = '\0';
	if (n == 0 || (same && (squeezed[0] == '0' || squeezed[0] == 'x')))
		return true;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
	{
		if (strcmp(squeezed, words[i]) == 0)
			return true;
	}
	return false;
}

bool
mmn_dicom_subject_hash(const mmn_dicom *dicom, const void *key,
					   size_t key_length, char out[MMN_SUBJECT_HASH_SIZE])
{
	char id[256], issuer[256] = "";
	uint8_t hash[MMN_SHA256_SIZE];

	if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00100020), 0, id,
						 sizeof id) &&
		!is_placeholder(id))
	{
		mmn_part parts[3] = {{"patient", 8}, {id, strlen(id) + 1}, {issuer, 0}};

		mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00100021), 0, issuer,
						 sizeof issuer);
		parts[2].length = strlen(issuer);
		mmn_hmac_sha256(key, key_length, parts, 3, hash);
	}
	else if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x0020000D), 0, id,
							  sizeof id))
	{
		mmn_part parts[2] = {{"study", 6}, {id, strlen(id)}};

		mmn_hmac_sha256(key, key_length, parts, 2, hash);
	}
	else
		return false;
	mmn_hex(hash, sizeof hash, out);
	return true;
}
