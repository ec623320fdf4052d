#ifndef MMN_PG_MESSAGE_H
#define MMN_PG_MESSAGE_H

/*
 * From now on a message of this session that is larger than PostgreSQL's output
 * buffer goes to the client at once, not in pieces of 8 kB.  Nothing changes in
 * a process without a client, or from PostgreSQL 17 on, which sends large ones
 * from where they are.
 */
extern void SendLargeMessagesWhole(void);

#endif
