#ifndef MMN_NN_PREPROCESS_H
#define MMN_NN_PREPROCESS_H

#include "image/image.h"

/*
 * What a network was trained to be given.  mean and std are in the order of
 * the network's own channels, for values of 0..255.
 */
typedef struct mmn_preprocess
{
	uint32_t width;
	uint32_t height;
	uint8_t channels; /* 1 or 3 */
	bool bgr;
	float mean[3];
	float std[3];
} mmn_preprocess;

/*
 * Turns an image into a network's input [C, H, W]: rendered (preset auto,
 * kept as float 0..255, not rounded), its channels averaged or replicated,
 * resized, then (v - mean[c]) / std[c].
 */
mmn_status mmn_preprocess_image(const mmn_env *env, const mmn_image *in,
								const mmn_preprocess *p, float *out,
								mmn_error *err);

#endif
