#include "image/sniff.h"

#include <string.h>

#include "dicom/dicom.h"
#include "nifti/nifti.h"

const char *
mmn_media_type(const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	if (length >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
		return MMN_MEDIA_PNG;
	if (length >= 4 && memcmp(p, "\xff\xd8\xff", 3) == 0)
		return MMN_MEDIA_JPEG;
	if (mmn_dicom_probe(p, length))
		return MMN_MEDIA_DICOM;
	if (mmn_nifti_recognize(p, length))
		return MMN_MEDIA_NIFTI;
	return NULL;
}
