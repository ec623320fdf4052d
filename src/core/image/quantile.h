#ifndef MMN_IMAGE_QUANTILE_H
#define MMN_IMAGE_QUANTILE_H

#include "image/image.h"

/*
 * The low-th and high-th quantile (0..1, low <= high, of the nearest rank
 * outwards) of finite samples; both 0 when there is none.
 */
mmn_status mmn_image_quantiles(const mmn_env *env, const mmn_image *in,
							   double low, double high, double *low_value,
							   double *high_value, mmn_error *err);

#endif
