#ifndef MMN_TEST_TAP_H
#define MMN_TEST_TAP_H

/*
 * The Test Anything Protocol in a few lines:
 *
 *	int main(void)
 *	{
 *		ok(1 + 1 == 2, "sums are right");
 *		is_int(f(3), 9, "f(%d) squares", 3);
 *		return done_testing();
 *	}
 *
 * Include it from a test's only source file.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 3, 0))) static inline int
tap_line(int pass, const char *where, const char *name, va_list args)
{
	tap_run++;
	tap_failed += !pass;
	printf("%sok %d - ", pass ? "" : "not ", tap_run);
	vprintf(name, args);
	printf("\n");
	if (!pass)
		printf("#   failed at %s\n", where);
	fflush(stdout);
	return pass;
}

__attribute__((format(printf, 3, 4))) static inline int
tap_ok(int pass, const char *where, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	tap_line(pass, where, name, args);
	va_end(args);
	return pass;
}

__attribute__((format(printf, 4, 5))) static inline int
tap_is_int(long long got, long long want, const char *where, const char *name,
		   ...)
{
	va_list args;

	va_start(args, name);
	if (!tap_line(got == want, where, name, args))
		printf("#   got %lld, want %lld\n", got, want);
	va_end(args);
	return got == want;
}

__attribute__((format(printf, 4, 5))) static inline int
tap_is_str(const char *got, const char *want, const char *where,
		   const char *name, ...)
{
	va_list args;
	int pass = got && want ? strcmp(got, want) == 0 : got == want;

	va_start(args, name);
	if (!tap_line(pass, where, name, args))
		printf("#   got \"%s\"\n#   want \"%s\"\n", got ? got : "(null)",
			   want ? want : "(null)");
	va_end(args);
	return pass;
}

__attribute__((format(printf, 5, 6))) static inline int
tap_is_near(double got, double want, double tolerance, const char *where,
			const char *name, ...)
{
	va_list args;
	int pass = fabs(got - want) <= tolerance;

	va_start(args, name);
	if (!tap_line(pass, where, name, args))
		printf("#   got %.9g, want %.9g\n", got, want);
	va_end(args);
	return pass;
}

static inline int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed != 0;
}

#define TAP_STRING2(x) #x
#define TAP_STRING(x) TAP_STRING2(x)
#define TAP_WHERE __FILE__ ":" TAP_STRING(__LINE__)
#define ok(pass, ...) tap_ok(!!(pass), TAP_WHERE, __VA_ARGS__)
#define is_int(got, want, ...) tap_is_int(got, want, TAP_WHERE, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str(got, want, TAP_WHERE, __VA_ARGS__)
#define is_near(got, want, tolerance, ...) \
	tap_is_near(got, want, tolerance, TAP_WHERE, __VA_ARGS__)

#endif
