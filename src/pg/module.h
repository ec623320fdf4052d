#ifndef MMN_PG_MODULE_H
#define MMN_PG_MODULE_H

/*
 * What each part sets up when the library is loaded; called by _PG_init in
 * this order.
 */
extern PGDLLEXPORT void _PG_init(void);

#endif
