#include "serve.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "operations.h"

typedef struct window
{
	uint8_t *bytes;
	size_t size;
} window;

typedef struct server
{
	int socket;
	const mmn_env *env;
	window input;
	window output;
	mmn_env room; /* the output window, for samples; else env */
	bool room_taken;
	mmn_result result; /* kept until the next request, for FETCH */
	mmn_wire_reply reply;
} server;

/* Reads exactly size bytes and up to two descriptors; false: hung up. */
static bool
receive(int socket, void *to, size_t size, int fds[2], unsigned *count)
{
	size_t have = 0;

	*count = 0;
	while (have < size)
	{
		union
		{
			char space[CMSG_SPACE(2 * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec iov = {(char *)to + have, size - have};
		struct msghdr message = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof control,
		};
		ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
			 c = CMSG_NXTHDR(&message, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
				for (size_t i = 0;
					 i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
				{
					int fd;

					memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
					if (*count < 2)
						fds[(*count)++] = fd;
					else
						close(fd);
				}
		have += (size_t)n;
	}
	return true;
}

static bool
send_all(int socket, const void *from, size_t size)
{
	size_t done = 0;

	while (done < size)
	{
		struct iovec iov = {(char *)(uintptr_t)from + done, size - done};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Takes over a window; the descriptor is not needed once it is mapped. */
static bool
replace_window(window *w, int fd, int protection)
{
	off_t size;
	void *p;

	if (w->bytes)
		munmap(w->bytes, w->size);
	w->bytes = NULL;
	w->size = 0;
	/* fstat() is a call that also takes paths, which the sandbox refuses */
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0)
		return false;
	p = mmap(NULL, (size_t)size, protection, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return false;
	w->bytes = p;
	w->size = (size_t)size;
	return true;
}

/*
 * Memory for the samples of an image: the output window, where it has room,
 * so that they need not be copied there.
 */
static void *
room_alloc(void *ctx, size_t size)
{
	server *s = ctx;

	if (s->room_taken || size > s->output.size)
		return mmn_alloc(s->env, size);
	s->room_taken = true;
	return s->output.bytes;
}

static void
room_free(void *ctx, void *p)
{
	server *s = ctx;

	if (p && p == s->output.bytes)
		s->room_taken = false;
	else
		mmn_free(s->env, p);
}

static void
clear_reply(server *s)
{
	memset(&s->reply, 0, sizeof s->reply);
	s->reply.magic = MMN_WIRE_MAGIC;
	s->reply.version = MMN_WIRE_VERSION;
}

static void
set_failure(server *s, const mmn_error *err)
{
	s->reply.status = err->code;
	memcpy(s->reply.text, err->text, sizeof s->reply.text);
}

static void
set_image(mmn_wire_image *to, const mmn_image *from)
{
	to->width = from->width;
	to->height = from->height;
	to->channels = from->channels;
	to->sample_type = from->sample_type;
	to->unit = from->unit;
	to->flags = from->flags;
	to->spacing_row = from->spacing_row;
	to->spacing_column = from->spacing_column;
	to->window_center = from->window_center;
	to->window_width = from->window_width;
	to->voi_first = from->voi_first;
	to->voi_entries = from->voi_entries;
}

static void
work(server *s, const mmn_env *env, mmn_charsets *charsets,
	 const mmn_wire_request *request)
{
	mmn_error err = {.code = MMN_INTERNAL, .text = ""};

	mmn_result_reset(&s->result);
	mmn_result_init(&s->result, env, &s->room);
	clear_reply(s);
	if (request->length > s->input.size)
		mmn_fail(&err, MMN_INTERNAL, "a request for more than was sent");
	else if (mmn_operate(env, charsets, request, s->input.bytes, &s->result,
						 &err) == MMN_OK)
	{
		s->reply.count = s->result.count;
		s->reply.range_start = s->result.range_start;
		s->reply.range_length = s->result.range_length;
		s->reply.json_length = s->result.json.length;
		s->reply.content_length = s->result.content.length;
		if (s->result.sample_bytes)
			s->reply.content_length = s->result.sample_bytes +
									  2 * (size_t)s->result.image.voi_entries;
		set_image(&s->reply.image, &s->result.image);
		return;
	}
	set_failure(s, &err);
}

/*
 * Takes samples out of the output window, which is to be replaced: a table does
 * not fit behind them.
 */
static void
leave_room(server *s)
{
	size_t size = s->result.sample_bytes;
	void *samples = mmn_alloc(s->env, size);
	mmn_error err;

	if (samples)
		memcpy(samples, s->result.image.samples, size);
	else
	{
		mmn_fail(&err, MMN_NO_MEMORY, "no memory for %zu bytes of samples",
				 size);
		mmn_result_reset(&s->result);
		mmn_result_init(&s->result, s->env, &s->room);
		clear_reply(s);
		set_failure(s, &err);
	}
	s->room_taken = false;
	s->result.image.samples = samples;
}

/* Puts the payload into the output window, or says how large it has to be. */
static void
deliver(server *s)
{
	size_t json = s->reply.json_length, content = s->reply.content_length;
	size_t samples = s->result.sample_bytes;

	s->reply.needed = 0;
	if (json + content > s->output.size)
	{
		s->reply.needed = json + content;
		if (s->room_taken)
			leave_room(s);
		return;
	}
	if (json)
		memcpy(s->output.bytes, s->result.json.bytes, json);
	if (samples && !s->room_taken)
		memcpy(s->output.bytes, s->result.image.samples, samples);
	if (samples && content > samples)
		memcpy(s->output.bytes + samples, s->result.image.voi,
			   content - samples);
	if (content && !samples)
		memcpy(s->output.bytes + json, s->result.content.bytes, content);
	mmn_result_reset(&s->result);
	mmn_result_init(&s->result, s->env, &s->room);
}

/* One request; false: hung up, or not to be understood. */
static bool
serve_one(server *s, const mmn_env *env, mmn_charsets *charsets)
{
	mmn_wire_request request;
	int fds[2];
	unsigned count, taken = 0;
	bool good = true;

	if (!receive(s->socket, &request, sizeof request, fds, &count))
		return false;
	if (request.magic != MMN_WIRE_MAGIC || request.version != MMN_WIRE_VERSION)
		return false;
	if (request.windows & MMN_WIRE_INPUT && taken < count)
		good = replace_window(&s->input, fds[taken++], PROT_READ) && good;
	if (request.windows & MMN_WIRE_OUTPUT && taken < count)
		good =
			replace_window(&s->output, fds[taken++], PROT_READ | PROT_WRITE) &&
			good;
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	if (!good)
	{
		mmn_error err;

		mmn_fail(&err, MMN_NO_MEMORY, "no room to map the bytes");
		clear_reply(s);
		set_failure(s, &err);
	}
	else if (request.op != MMN_OP_FETCH)
		work(s, env, charsets, &request);
	deliver(s);
	return send_all(s->socket, &s->reply, sizeof s->reply);
}

int
mmn_serve(int socket, const mmn_env *env, mmn_charsets *charsets,
		  const mmn_error *start)
{
	server s = {
		.socket = socket,
		.env = env,
		.room = {.alloc = room_alloc, .free = room_free, .ctx = &s},
	};

	mmn_result_init(&s.result, env, &s.room);
	clear_reply(&s);
	if (start->code != MMN_OK)
		set_failure(&s, start);
	if (!send_all(socket, &s.reply, sizeof s.reply))
		return 1;
	if (start->code != MMN_OK)
		return 1;
	while (serve_one(&s, env, charsets))
		;
	mmn_result_reset(&s.result);
	return 0;
}
