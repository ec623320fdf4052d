#ifndef MMN_SAMPLE_FINISH_H
#define MMN_SAMPLE_FINISH_H

#include "sample/augment.h"
#include "sample/fit.h"

/*
 * From a rendition (sample/fit.h) to the image that is served: augmented,
 * normalised, in its element type.
 */
typedef struct mmn_finish
{
	uint8_t dtype;	 /* of the image served */
	bool normalised; /* (v - mean[c]) / std[c], in float; floating types only */
	float mean[MMN_FIT_MAX_CHANNELS];
	float std[MMN_FIT_MAX_CHANNELS];
	mmn_augment augment;
} mmn_finish;

/* The element type that renditions have for images of that dtype. */
uint8_t mmn_finish_rendition_dtype(uint8_t dtype, bool rendered,
								   bool normalised);

/* Whether an image is its rendition, byte for byte. */
bool mmn_finish_is_copy(const mmn_finish *finish, const mmn_fit *fit);

/*
 * Makes the image in `out` from a rendition under `fit`, which is changed:
 * augmentation needs the room.  The key says which of all variations.
 */
mmn_status mmn_finish_image(const mmn_env *env, const mmn_finish *finish,
							const mmn_fit *fit, uint64_t key, void *rendition,
							void *out, mmn_error *err);

#endif
