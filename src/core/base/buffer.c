#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
mmn_buffer_init(mmn_buffer *b, const mmn_env *env, size_t limit)
{
	memset(b, 0, sizeof *b);
	b->env = env;
	b->limit = limit;
}

void
mmn_buffer_reset(mmn_buffer *b)
{
	mmn_free(b->env, b->bytes);
	mmn_buffer_init(b, b->env, b->limit);
}

uint8_t *
mmn_buffer_extend(mmn_buffer *b, size_t length)
{
	uint8_t *at;

	if (b->failure != MMN_OK)
		return NULL;
	if (length > b->limit || b->length > b->limit - length)
	{
		b->failure = MMN_LIMIT;
		return NULL;
	}
	if (length > b->capacity - b->length)
	{
		size_t wanted = b->capacity < 512 ? 512 : b->capacity;
		uint8_t *larger;

		while (wanted < b->length + length)
			wanted = wanted > b->limit / 2 ? b->limit : wanted * 2;
		larger = mmn_alloc(b->env, wanted);
		if (!larger)
		{
			b->failure = MMN_NO_MEMORY;
			return NULL;
		}
		if (b->length)
			memcpy(larger, b->bytes, b->length);
		mmn_free(b->env, b->bytes);
		b->bytes = larger;
		b->capacity = wanted;
	}
	at = b->bytes + b->length;
	b->length += length;
	return at;
}

void
mmn_buffer_append(mmn_buffer *b, const void *bytes, size_t length)
{
	uint8_t *at;

	if (length == 0)
		return;
	at = mmn_buffer_extend(b, length);
	if (at)
		memcpy(at, bytes, length);
}

void
mmn_buffer_byte(mmn_buffer *b, uint8_t byte)
{
	mmn_buffer_append(b, &byte, 1);
}

void
mmn_buffer_text(mmn_buffer *b, const char *text)
{
	mmn_buffer_append(b, text, strlen(text));
}

void
mmn_buffer_printf(mmn_buffer *b, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof text)
		b->failure = b->failure ? b->failure : MMN_INTERNAL;
	else
		mmn_buffer_append(b, text, (size_t)n);
}

void
mmn_buffer_number(mmn_buffer *b, double value, bool single)
{
	char digits[40];

	for (int precision = single ? 6 : 15; precision <= 17; precision++)
	{
		snprintf(digits, sizeof digits, "%.*g", precision, value);
		if (single ? strtof(digits, NULL) == (float)value
				   : strtod(digits, NULL) == value)
			break;
	}
	mmn_buffer_text(b, digits);
}

mmn_status
mmn_buffer_status(const mmn_buffer *b, mmn_error *err)
{
	switch (b->failure)
	{
		case MMN_OK:
			return MMN_OK;
		case MMN_LIMIT:
			return mmn_fail(err, MMN_LIMIT, "result of more than %zu bytes",
							b->limit);
		case MMN_NO_MEMORY:
			return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
		default:
			return mmn_fail(err, MMN_INTERNAL, "formatted text too long");
	}
}
