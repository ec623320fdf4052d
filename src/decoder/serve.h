#ifndef MMN_DECODER_SERVE_H
#define MMN_DECODER_SERVE_H

#include "dicom/charset.h"

/*
 * Says hello on the socket (a failure to start, when status is not MMN_OK),
 * then answers requests until the other side hangs up.  Returns the exit
 * status: 0 when all went well.
 */
int mmn_serve(int socket, const mmn_env *env, mmn_charsets *charsets,
			  const mmn_error *start);

#endif
