#ifndef MMN_PG_COMPAT_H
#define MMN_PG_COMPAT_H

/* The one place for differences between PostgreSQL versions. */

#if PG_VERSION_NUM < 150000
#error "medimnet needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif
