/* Starts a bot from C: a session string and a start link in, the bot's answer out. POSIX sockets around a connection.
 *
 *   start_bot SESSION LINK                  Telegram; NANOGRAM_API_ID is the number from my.telegram.org
 *   start_bot SESSION LINK HOST:PORT PEM    another server, such as `nanogram dc`, and its public key
 *
 * SESSION may be "-": it is then read from the first line of stdin, where it does not appear in process lists.
 *
 * Exit codes: 0 done, 2 wrong usage, 3 no network or no such server, 4 not signed in, 5 the server refused, 6 timed out.
 */
#define _POSIX_C_SOURCE 200809L
#include "nanogram.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DONE = 0, OTHER = 1, USAGE = 2, NETWORK = 3, NOT_SIGNED_IN = 4, REFUSED = 5, TIMED_OUT = 6 };

/* Time limits in microseconds: for the whole program, and for the bot's answer after that. */
#define PATIENCE 30000000u
#define ANSWER_WITHIN 3000000u

struct wire {
    nanogram *connection;
    int socket;
    uint64_t give_up_at;
};

static uint64_t micros(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t now(void) { return micros(CLOCK_MONOTONIC); }

/* Reads entropy from the operating system; `context` is an open file descriptor. */
static bool randomness(void *context, uint8_t *out, size_t len) {
    while (len > 0) {
        ssize_t got = read(*(int *)context, out, len);
        if (got <= 0) {
            if (got < 0 && errno == EINTR)
                continue;
            return false;
        }
        out += got;
        len -= (size_t)got;
    }
    return true;
}

static int fail(int code, const char *what) {
    fprintf(stderr, "error: %s\n", what);
    return code;
}

/* Exit code for a connection that has ended. */
static int over(struct wire *wire, nanogram_status status) {
    if (status == NANOGRAM_STATUS_FAULT) {
        int32_t fault = nanogram_fault(wire->connection);
        fprintf(stderr, "error: transport error %d\n", fault);
        return fault == -404 ? NOT_SIGNED_IN : NETWORK;
    }
    return fail(NETWORK, nanogram_says(status));
}

static int dial(const char *host, const char *port, int *out) {
    struct addrinfo hints = {0}, *list;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0)
        return fail(NETWORK, gai_strerror(error));
    *out = -1;
    for (struct addrinfo *at = list; at != NULL && *out < 0; at = at->ai_next) {
        int fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (fd < 0)
            continue;
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
            *out = fd;
        else
            close(fd);
    }
    freeaddrinfo(list);
    return *out < 0 ? fail(NETWORK, strerror(errno)) : DONE;
}

/* Waits for the next event. Its pointers are valid until the next call of this function. */
static int next_event(struct wire *wire, nanogram_event_data *event) {
    uint8_t buffer[4096];
    for (;;) {
        nanogram_status status;
        size_t len;
        while ((status = nanogram_output(wire->connection, now(), buffer, sizeof buffer, &len)) == NANOGRAM_STATUS_OK &&
               len > 0) {
            for (size_t sent = 0; sent < len;) {
                ssize_t n = send(wire->socket, buffer + sent, len - sent, MSG_NOSIGNAL);
                if (n < 0 && errno != EINTR)
                    return fail(NETWORK, strerror(errno));
                sent += n > 0 ? (size_t)n : 0;
            }
        }
        if (status != NANOGRAM_STATUS_OK)
            return over(wire, status);
        if ((status = nanogram_event(wire->connection, event)) != NANOGRAM_STATUS_OK)
            return over(wire, status);
        if (event->kind != NANOGRAM_EVENT_KIND_NOTHING)
            return DONE;

        uint64_t due = wire->give_up_at, at, here = now();
        if (here >= due)
            return TIMED_OUT;
        if (nanogram_timeout(wire->connection, &at) == NANOGRAM_STATUS_OK && at < due)
            due = at;
        struct pollfd ready = {.fd = wire->socket, .events = nanogram_wants_input(wire->connection) ? POLLIN : 0};
        uint64_t wait = due > here ? (due - here) / 1000u + 1 : 0;
        if (poll(&ready, 1, (int)wait) > 0 && ready.events != 0) {
            ssize_t got = recv(wire->socket, buffer, sizeof buffer, 0);
            if (got == 0)
                return fail(NETWORK, "the server closed the connection");
            if (got < 0 && errno != EINTR)
                return fail(NETWORK, strerror(errno));
            if (got > 0 && (status = nanogram_input(wire->connection, now(), buffer, (size_t)got)) != NANOGRAM_STATUS_OK)
                return over(wire, status);
        }
        if ((status = nanogram_handle_timeout(wire->connection, now())) != NANOGRAM_STATUS_OK)
            return over(wire, status);
    }
}

/* Waits for the answer to `call`. */
static int answer_to(struct wire *wire, uint64_t call, nanogram_event_data *event) {
    for (;;) {
        int code = next_event(wire, event);
        if (code == TIMED_OUT)
            fail(code, "no answer in time");
        if (code != DONE)
            return code;
        if (event->kind == NANOGRAM_EVENT_KIND_REPLY && event->call == call)
            return DONE;
        if (event->in_doubt && event->call == call && event->message != NULL &&
            strcmp(event->message, "RANDOM_ID_DUPLICATE") == 0)
            return DONE; /* An earlier copy, whose answer was lost, was executed. */
        bool is_ours = event->call == call || event->kind == NANOGRAM_EVENT_KIND_NOT_BOUND;
        bool is_no = event->kind == NANOGRAM_EVENT_KIND_REFUSED || event->kind == NANOGRAM_EVENT_KIND_FAILED ||
                     event->kind == NANOGRAM_EVENT_KIND_NOT_BOUND;
        if (is_ours && is_no) {
            char hint[256];
            const char *message = event->message != NULL ? event->message : "no result";
            fprintf(stderr, "error: %s (%d)\n", message, event->code);
            if (nanogram_hint(event->code, message, hint, sizeof hint) == NANOGRAM_STATUS_OK)
                fprintf(stderr, "hint:  %s\n", hint);
            return event->code == 401 || event->code == 406 ? NOT_SIGNED_IN : event->code == 0 ? NETWORK : REFUSED;
        }
    }
}

static int start(struct wire *wire, const nanogram_link_data *link) {
    nanogram_event_data event;
    nanogram_peer bot;
    uint64_t call;
    int64_t random_id;
    char text[4096];
    nanogram_status status;

    if ((status = nanogram_resolve(wire->connection, link->bot, &call)) != NANOGRAM_STATUS_OK)
        return fail(USAGE, nanogram_says(status));
    int code = answer_to(wire, call, &event);
    if (code != DONE)
        return code;
    if ((status = nanogram_resolved(event.body, event.len, &bot)) != NANOGRAM_STATUS_OK)
        return fail(REFUSED, nanogram_says(status));

    /* With the same random_id the bot is started once, even if the call must be sent again. */
    if ((status = nanogram_random_id(wire->connection, &random_id)) != NANOGRAM_STATUS_OK)
        return fail(OTHER, nanogram_says(status));
    status = nanogram_start_bot(wire->connection, &bot, &bot, random_id, link->start_param, &call);
    if (status != NANOGRAM_STATUS_OK)
        return fail(REFUSED, nanogram_says(status));
    if ((code = answer_to(wire, call, &event)) != DONE)
        return code;
    if (event.kind != NANOGRAM_EVENT_KIND_REPLY)
        snprintf(text, sizeof text, "by an earlier sending");
    else if (nanogram_updates_name(event.body, event.len, text, sizeof text) != NANOGRAM_STATUS_OK)
        return fail(NETWORK, "the answer cannot be read");
    printf("started @%s: %s\n", link->bot, text);

    wire->give_up_at = now() + ANSWER_WITHIN;
    while ((code = next_event(wire, &event)) == DONE) {
        if (event.kind == NANOGRAM_EVENT_KIND_UPDATE &&
            nanogram_answer(event.body, event.len, bot.id, text, sizeof text) == NANOGRAM_STATUS_OK) {
            puts(text);
            return DONE;
        }
    }
    if (code == TIMED_OUT)
        fprintf(stderr, "The bot said nothing within %u s.\n", ANSWER_WITHIN / 1000000u);
    return code == TIMED_OUT ? DONE : code;
}

static char *whole_file(const char *path) {
    static char text[16384];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = 0;
    fclose(file);
    return text;
}

static int run(int argc, char **argv, nanogram_session_data *session) {
    static char line[2048];
    nanogram_link_data link;
    nanogram_status status;
    const char *string = argv[1];

    if (strcmp(string, "-") == 0) {
        if (fgets(line, sizeof line, stdin) == NULL)
            return fail(USAGE, "no session on stdin");
        line[strcspn(line, "\r\n")] = 0;
        string = line;
    }
    status = nanogram_session(string, session);
    nanogram_wipe(line, sizeof line);
    if (status != NANOGRAM_STATUS_OK)
        return fail(USAGE, nanogram_says(status));
    if ((status = nanogram_link(argv[2], &link)) != NANOGRAM_STATUS_OK)
        return fail(USAGE, nanogram_says(status));
    if (link.is_group)
        return fail(USAGE, "the link starts the bot in a group; this program starts it in its own chat");

    nanogram_config config = {0};
    int urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (urandom < 0)
        return fail(OTHER, strerror(errno));
    config.auth_key = session->auth_key;
    config.realm = session->realm; /* at servers of another realm the key is refused */
    config.dc_id = session->dc_id;
    config.is_test = session->is_test;
    config.entropy = randomness;
    config.context = &urandom;
    const char *api_id = getenv("NANOGRAM_API_ID");
    config.api_id = api_id != NULL ? (int32_t)strtol(api_id, NULL, 10) : session->api_id;

    char host[NANOGRAM_HOST], port[8];
    memcpy(host, session->host, sizeof host);
    snprintf(port, sizeof port, "%u", (unsigned)session->port);
    if (argc == 5) {
        char *colon = strrchr(argv[3], ':');
        if (colon == NULL || (size_t)(colon - argv[3]) >= sizeof host)
            return close(urandom), fail(USAGE, "the address is HOST:PORT");
        memset(host, 0, sizeof host);
        memcpy(host, argv[3], (size_t)(colon - argv[3]));
        snprintf(port, sizeof port, "%s", colon + 1);
        if ((config.pem = whole_file(argv[4])) == NULL)
            return close(urandom), fail(USAGE, "the PEM file cannot be read");
        if (config.api_id == 0)
            config.api_id = 1;
    }
    if (config.api_id == 0)
        return close(urandom), fail(USAGE, "set NANOGRAM_API_ID to the number that my.telegram.org gave you");

    struct wire wire = {.give_up_at = now() + PATIENCE};
    int code = dial(host, port, &wire.socket);
    if (code == DONE) {
        status = nanogram_open(&config, now(), (int64_t)micros(CLOCK_REALTIME), &wire.connection);
        code = status == NANOGRAM_STATUS_OK ? start(&wire, &link) : fail(USAGE, nanogram_says(status));
        nanogram_close(wire.connection);
        close(wire.socket);
    }
    close(urandom);
    return code;
}

#ifdef NANOGRAM_CALLER_ALLOCATES
/* Memory of the library, counted: the peak is the memory that a device must have. */
static size_t in_use, most;

void *nanogram_alloc(size_t size, size_t align) {
    void *memory = NULL;
    if (posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
        return NULL;
    in_use += size;
    if (in_use > most)
        most = in_use;
    return memory;
}

void nanogram_dealloc(void *memory, size_t size, size_t align) {
    (void)align;
    in_use -= size;
    free(memory);
}

void nanogram_panicked(void) { abort(); }
#endif

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5)
        return fail(USAGE, "usage: start_bot SESSION LINK [HOST:PORT PEM]");
    nanogram_session_data session;
    memset(&session, 0, sizeof session);
    int code = run(argc, argv, &session);
    nanogram_wipe(&session, sizeof session);
#ifdef NANOGRAM_CALLER_ALLOCATES
    fprintf(stderr, "memory: %zu bytes at most, %zu left\n", most, in_use);
#endif
    return code;
}
