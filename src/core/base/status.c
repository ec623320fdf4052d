#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

mmn_status
mmn_fail(mmn_error *err, mmn_status code, const char *fmt, ...)
{
	if (err)
	{
		va_list args;

		err->code = code;
		va_start(args, fmt);
		vsnprintf(err->text, sizeof err->text, fmt, args);
		va_end(args);
	}
	return code;
}
