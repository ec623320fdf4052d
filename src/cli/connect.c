#include "connect.h"

#include <string.h>

#include "cli.h"

PGconn *
connect_server(const char *conninfo)
{
	static const char *const names[] = {"dbname", "fallback_application_name",
										"client_encoding", NULL};
	const char *const values[] = {conninfo, "medimnet", "UTF8", NULL};
	PGconn *conn = PQconnectdbParams(names, values, 1);

	if (conn == NULL)
		cli_fail("out of memory");
	if (PQstatus(conn) != CONNECTION_OK)
	{
		connect_tell_error(conn, NULL);
		PQfinish(conn);
		cli_fail("no connection to the server");
	}
	return conn;
}

void
connect_tell_error(const PGconn *conn, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	size_t length;

	if (text == NULL)
		text = PQerrorMessage(conn);
	length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		length--;
	cli_say("%.*s", (int)length, text);
	if (detail != NULL)
		cli_say("detail: %s", detail);
	if (hint != NULL)
		cli_say("hint: %s", hint);
}

PGresult *
connect_query(PGconn *conn, const char *sql, int parameters,
			  const char *const *values)
{
	PGresult *result =
		PQexecParams(conn, sql, parameters, NULL, values, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_TUPLES_OK &&
		PQresultStatus(result) != PGRES_COMMAND_OK)
	{
		connect_tell_error(conn, result);
		cli_fail("stopped");
	}
	return result;
}
