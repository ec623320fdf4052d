#ifndef MEDIMNET_CONNECT_H
#define MEDIMNET_CONNECT_H

#include <libpq-fe.h>

/*
 * A connection to the server that conninfo (a database's name, a connection
 * string or URI, or NULL) and libpq's environment variables name; the program
 * ends with libpq's message when there is none. The caller closes it.
 */
PGconn *connect_server(const char *conninfo);

/* Runs a command that must succeed; the program ends with the error if not. */
PGresult *connect_query(PGconn *conn, const char *sql, int parameters,
						const char *const *values);

/* The error of result, or of the connection when result is NULL, on stderr. */
void connect_tell_error(const PGconn *conn, const PGresult *result);

#endif
