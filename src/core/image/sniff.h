#ifndef MMN_IMAGE_SNIFF_H
#define MMN_IMAGE_SNIFF_H

#include <stddef.h>

/*
 * What a file is, from its first bytes, as a media type: "application/dicom",
 * "image/png", "image/jpeg", "application/nifti" (also when compressed by gzip,
 * of which a few hundred bytes are inflated), or NULL.  Looks, does not parse:
 * cheap and safe on anything, and so, but for gzip files, allowed outside the
 * decoder's sandbox.
 */
#define MMN_MEDIA_DICOM "application/dicom"
#define MMN_MEDIA_PNG "image/png"
#define MMN_MEDIA_JPEG "image/jpeg"
#define MMN_MEDIA_NIFTI "application/nifti"

const char *mmn_media_type(const void *bytes, size_t length);

#endif
