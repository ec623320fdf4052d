#ifndef MMN_DICOM_DEID_H
#define MMN_DICOM_DEID_H

#include "base/buffer.h"
#include "dicom/dicom.h"

/*
 * De-identification by the Basic Application Level Confidentiality Profile
 * (PS3.15 Annex E), and the keyed identities that stand in for what it
 * removes.  The key never leaves these functions.
 */

/*
 * Appends a new Part 10 file: explicit VR little endian, or the encapsulated
 * transfer syntax of the original, with what its codec keeps beside pixels
 * (comments, Exif) blanked.
 */
mmn_status mmn_dicom_deidentify(const mmn_env *env, const mmn_dicom *dicom,
								const void *key, size_t key_length,
								mmn_buffer *out, mmn_error *err);

#define MMN_UID_SIZE 65 /* 64 characters and NUL */

/*
 * "2.25." and a number of 122 random-looking bits made of key and original:
 * the same for the same pair.  UIDs that DICOM itself registered are copied.
 */
void mmn_deid_uid(const void *key, size_t key_length, const char *original,
				  char out[MMN_UID_SIZE]);

#define MMN_SUBJECT_HASH_SIZE 65 /* 64 hexadecimal digits and NUL */

/*
 * Who this is: the keyed hash of Patient ID and its issuer or, where that is
 * empty or a placeholder, of the Study Instance UID.  false: neither is there.
 */
bool mmn_dicom_subject_hash(const mmn_dicom *dicom, const void *key,
							size_t key_length, char out[MMN_SUBJECT_HASH_SIZE]);

#endif
