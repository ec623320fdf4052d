#ifndef MMN_BASE_STATUS_H
#define MMN_BASE_STATUS_H

/*
 * How the core reports failure: every function that can fail returns an
 * mmn_status and takes an mmn_error as its last argument.  The error is set
 * once, where the failure is found, and is passed up unchanged.
 */

#if defined(__GNUC__)
#define MMN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MMN_PRINTF(fmt, args)
#endif

/* Values travel over the decoder's wire: never change one, only add. */
typedef enum mmn_status
{
	MMN_OK = 0,
	MMN_SYNTAX = 1,		 /* text that does not parse */
	MMN_BAD_DATA = 2,	 /* bytes that are not what they claim to be */
	MMN_BAD_ARGUMENT = 3, /* the caller asked for something impossible */
	MMN_LIMIT = 4,		 /* larger than a documented limit */
	MMN_UNSUPPORTED = 5, /* valid, but not something we handle */
	MMN_NOT_IMAGE = 6,	 /* valid, but holds no image (SR, waveform, …) */
	MMN_NO_MEMORY = 7,
	MMN_CANCELED = 8, /* mmn_env.poll asked to stop */
	MMN_INTERNAL = 9  /* a bug of ours */
} mmn_status;

#define MMN_ERROR_TEXT 256

typedef struct mmn_error
{
	mmn_status code;
	char text[MMN_ERROR_TEXT]; /* lower case, no full stop, never PHI */
} mmn_error;

/*
 * Records a failure and returns its code, so that callers can write
 * `return mmn_fail(err, MMN_BAD_DATA, "...")`.  err may be NULL.
 */
mmn_status mmn_fail(mmn_error *err, mmn_status code, const char *fmt, ...)
	MMN_PRINTF(3, 4);

#endif
