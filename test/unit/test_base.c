/* base: errors, allocation, sizes */

#include <stdint.h>

#include "base/bytes.h"
#include "base/env.h"
#include "tap.h"

static int
always_stop(void *ctx)
{
	(void)ctx;
	return 1;
}

int
main(void)
{
	mmn_error err = {0};
	mmn_env stopping = mmn_env_default;
	size_t n = 7;
	uint8_t b[8];
	void *p;

	is_int(mmn_fail(&err, MMN_LIMIT, "%d is too many", 3), MMN_LIMIT,
		   "mmn_fail returns its code");
	is_int(err.code, MMN_LIMIT, "and keeps it");
	is_str(err.text, "3 is too many", "with its text");
	is_int(mmn_fail(NULL, MMN_BAD_DATA, "unheard"), MMN_BAD_DATA,
		   "an error nobody asks for is fine");
	mmn_fail(&err, MMN_INTERNAL, "%0400d", 1);
	is_int((long long)strlen(err.text), MMN_ERROR_TEXT - 1,
		   "a long text is cut, not overrun");

	ok(!mmn_mul_size(SIZE_MAX / 2, 3, &n) && n == 7,
	   "a product that overflows is refused");
	ok(mmn_mul_size(6, 7, &n) && n == 42, "one that does not is given");
	ok(!mmn_add_size(SIZE_MAX, 1, &n), "a sum that overflows is refused");
	ok(mmn_alloc_array(&mmn_env_default, SIZE_MAX / 2, 3) == NULL,
	   "an array whose size overflows is not allocated");
	p = mmn_alloc_zero(&mmn_env_default, 4, 2);
	ok(p && memcmp(p, "\0\0\0\0\0\0\0\0", 8) == 0,
	   "mmn_alloc_zero clears its memory");
	mmn_free(&mmn_env_default, p);

	mmn_store_u64le(b, 0x0102030405060708);
	ok(b[0] == 8 && b[7] == 1, "stores are little-endian");
	ok(mmn_load_u64le(b) == 0x0102030405060708, "loads are their inverse");
	is_int(mmn_load_u16be(b), 0x0807, "big-endian loads swap");

	is_int(mmn_poll(&mmn_env_default, &err), MMN_OK,
		   "malloc's environment never stops");
	stopping.poll = always_stop;
	is_int(mmn_poll(&stopping, &err), MMN_CANCELED,
		   "an environment that wants to stop says canceled");
	return done_testing();
}
