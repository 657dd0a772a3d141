/*
 * unstale - publish model-change events from C.
 *
 * An application that changed a row builds an event and publishes it to Kafka; the unstale service
 * reads it there and puts the caches right. The whole of it:
 *
 *     struct unstale_error err = UNSTALE_ERROR_INIT;
 *     struct unstale_options options;
 *     unstale_options_init(&options);
 *     options.brokers = "127.0.0.1:9092";
 *     struct unstale_producer *producer = unstale_producer_new(&options, &err);
 *     struct unstale_event *event = unstale_event_new(&err);
 *
 *     unstale_event_begin(event, "post_save", "shop.Product");
 *     unstale_event_pk_int(event, UNSTALE_PK, 42);
 *     unstale_event_add_int(event, UNSTALE_BEFORE, "category_id", 7);
 *     unstale_event_add_int(event, UNSTALE_AFTER, "category_id", 3);
 *     if (!unstale_publish(producer, event, NULL, &err))
 *         ...err.kind says what to do next, err.text why...
 *
 *     unstale_producer_flush(producer, 5000, &err);
 *     unstale_event_free(event);
 *     unstale_producer_free(producer);
 *
 * PROMISES
 *   It never prints, never ends the process and never blocks longer than it was asked to. A failed
 *   allocation of ours is an error like any other. (librdkafka, underneath, ends the process when
 *   *it* cannot allocate; that is not ours to change.) It keeps no global state.
 *
 * ERRORS
 *   A function that can fail returns false (or NULL) and then *err holds the kind, which says what
 *   to do next, and one line of text. On success *err is untouched. err may be NULL where nobody
 *   cares. The first failure stands: an error that already holds one is not overwritten, so start
 *   from UNSTALE_ERROR_INIT.
 *
 * THREADS
 *   A producer may be used by any number of threads at once; one is enough for a process. An event
 *   belongs to one thread at a time. Callbacks of one producer never run at the same time as each
 *   other, except the log callback, which comes from librdkafka's own threads.
 *
 * FORK
 *   A producer does not survive fork(): its threads are not there in the child. There every call
 *   on it answers UNSTALE_FORKED at once instead of hanging, and unstale_producer_free() lets go of
 *   our part and leaks librdkafka's. Events may be used on both sides.
 *   Make producers after the fork, in each process its own. One made in the child of a process that
 *   had producers works, unless the fork happened just while one of theirs was looking up a broker's
 *   name: the C library's resolver is then locked in the child for good, and nothing is delivered
 *   there (calls still keep their deadlines).
 *
 * TEXT
 *   Every text is UTF-8; anything else is refused, not mended. What is passed in is copied before
 *   the call returns.
 *
 * GROWTH
 *   Options are filled in by their _init function, which also notes how large this header says
 *   they are, so that a program built against an older header runs with a newer library.
 */
#ifndef UNSTALE_H
#define UNSTALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define UNSTALE_API __attribute__((visibility("default")))
#define UNSTALE_CHECKED __attribute__((warn_unused_result))
#else
#define UNSTALE_API
#define UNSTALE_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---------------------------------------------------------------------------------- */

/* What the caller does next. */
enum unstale_error_kind {
    UNSTALE_OK,
    UNSTALE_REJECT, /* this event, or these options, will never do: mend them */
    UNSTALE_RETRY,  /* nothing wrong with the event: the same again later may work */
    UNSTALE_FATAL,  /* this producer is done: free it and make another */
    UNSTALE_FORKED  /* this producer was made before fork(): make another in the child */
};

enum { UNSTALE_ERROR_TEXT_BYTES = 256 };

struct unstale_error {
    enum unstale_error_kind kind;
    char text[UNSTALE_ERROR_TEXT_BYTES]; /* one line, ends in NUL; cut off where it does not fit */
};

/* clang-format off */
#define UNSTALE_ERROR_INIT {UNSTALE_OK, ""}
/* clang-format on */

/* "ok", "reject", "retry", "fatal", "forked". */
UNSTALE_API const char *unstale_error_kind_name(enum unstale_error_kind kind);

/* ---- Events ---------------------------------------------------------------------------------- */

/*
 * One event, built up by calls and used again and again: unstale_event_begin() empties it but keeps
 * its memory, so that a busy loop allocates nothing.
 *
 * The building calls return false when they fail, and the event remembers its first failure: every
 * later call on it fails too, up to the next unstale_event_begin(). It is enough to look at the
 * result of unstale_publish() or unstale_event_check().
 *
 * Each member may be set once, each field name once an image.
 */
struct unstale_event;

/* What the event's numbers and lists may come to. Lengths of text are in characters. */
enum {
    UNSTALE_MODEL_MAX = 200, /* characters in a model's label */
    UNSTALE_ID_MAX = 128,    /* characters in an event's id */
    UNSTALE_PKS_MAX = 10000, /* keys in UNSTALE_PKS */
    UNSTALE_ROWS_MAX = 1000, /* rows in one event */
    UNSTALE_JSON_DEPTH = 60  /* nesting inside one JSON value passed in */
};

#define UNSTALE_VERSION_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/* NULL when memory is short. */
UNSTALE_API UNSTALE_CHECKED struct unstale_event *unstale_event_new(struct unstale_error *err);

/* NULL is allowed. */
UNSTALE_API void unstale_event_free(struct unstale_event *event);

/*
 * Empties the event and gives it the two members that every event has: what happened ("post_save",
 * "post_delete", "m2m_changed", "bulk_create", "bulk_update", "bulk_delete", "truncate", or a name
 * of your own) and the model's label as Django prints it ("shop.Product").
 */
UNSTALE_API bool unstale_event_begin(struct unstale_event *event, const char *name,
                                     const char *model);

/*
 * Which objects. Every event but a truncate needs exactly one of UNSTALE_PK, UNSTALE_PKS and rows.
 *   UNSTALE_PK       the object's primary key. Each call adds a column: called twice, the key is
 *                    an array of two
 *   UNSTALE_PKS      many objects of which nothing but the key is known; each call adds one
 *   UNSTALE_M2M_PKS  the objects at the other end of a many-to-many change; each call adds one
 */
enum unstale_pk_list { UNSTALE_PK, UNSTALE_PKS, UNSTALE_M2M_PKS };

UNSTALE_API bool unstale_event_pk_int(struct unstale_event *event, enum unstale_pk_list list,
                                      int64_t pk);
UNSTALE_API bool unstale_event_pk_string(struct unstale_event *event, enum unstale_pk_list list,
                                         const char *text, size_t length);
/* A key of several columns for UNSTALE_PKS or UNSTALE_M2M_PKS: a JSON array of strings and integers. */
UNSTALE_API bool unstale_event_pk_array(struct unstale_event *event, enum unstale_pk_list list,
                                        const char *json, size_t length);

/*
 * Begins the next row of an event about several rows with their images ("bulk_update"): the
 * UNSTALE_PK, UNSTALE_BEFORE and UNSTALE_AFTER calls that follow belong to it. Every row needs a pk.
 */
UNSTALE_API bool unstale_event_row(struct unstale_event *event);

/*
 * Where a field goes.
 *   UNSTALE_BEFORE  the row as it was; the changed fields alone are enough
 *   UNSTALE_AFTER   the row as it is now
 *   UNSTALE_META    whatever else the rules should see
 */
enum unstale_image { UNSTALE_BEFORE, UNSTALE_AFTER, UNSTALE_META };

UNSTALE_API bool unstale_event_add_string(struct unstale_event *event, enum unstale_image image,
                                          const char *name, const char *text, size_t length);
UNSTALE_API bool unstale_event_add_int(struct unstale_event *event, enum unstale_image image,
                                       const char *name, int64_t value);
/* The shortest digits that read back as the same double, laid out as Python does. Not NaN, not infinite. */
UNSTALE_API bool unstale_event_add_double(struct unstale_event *event, enum unstale_image image,
                                          const char *name, double value);
/* A number given as its digits ("9.50", "-12", "1e3"), sent as they stand. */
UNSTALE_API bool unstale_event_add_decimal(struct unstale_event *event, enum unstale_image image,
                                           const char *name, const char *digits, size_t length);
UNSTALE_API bool unstale_event_add_bool(struct unstale_event *event, enum unstale_image image,
                                        const char *name, bool value);
UNSTALE_API bool unstale_event_add_null(struct unstale_event *event, enum unstale_image image,
                                        const char *name);
/*
 * A value that is JSON already. It is checked, and sent without the white space between its tokens.
 * Names that come twice in one of its objects are not looked for here; the service refuses them.
 */
UNSTALE_API bool unstale_event_add_json(struct unstale_event *event, enum unstale_image image,
                                        const char *name, const char *json, size_t length);

/* post_save: was the row inserted (true) or updated (false)? */
UNSTALE_API bool unstale_event_set_created(struct unstale_event *event, bool created);

/* Names of the fields that changed; names_nr 0 says that nothing did. Not needed beside before. */
UNSTALE_API bool unstale_event_set_changed(struct unstale_event *event, const char *const *names,
                                           size_t names_nr);

/* Commit time in ms since 1970 (UTC), at least 0. Without it Kafka's record time stands in. */
UNSTALE_API bool unstale_event_set_ts(struct unstale_event *event, int64_t ts_ms);

/* What the database orders this row's changes by, 0 .. UNSTALE_VERSION_MAX: a row counter, an LSN. */
UNSTALE_API bool unstale_event_set_version(struct unstale_event *event, int64_t version);

/*
 * Members of plain text.
 *   UNSTALE_ID      names this event in dead letters and logs; at most UNSTALE_ID_MAX characters
 *   UNSTALE_SOURCE  who says so, e.g. the application's name
 *   UNSTALE_TENANT  whose data it is
 *   UNSTALE_TRACE   a W3C traceparent
 *   UNSTALE_SENDER  label of the class that sent the signal, where it is not the model
 */
enum unstale_text { UNSTALE_ID, UNSTALE_SOURCE, UNSTALE_TENANT, UNSTALE_TRACE, UNSTALE_SENDER };

UNSTALE_API bool unstale_event_set_text(struct unstale_event *event, enum unstale_text member,
                                        const char *text);

/* Labels of the models that this one inherits from, with tables of their own. */
UNSTALE_API bool unstale_event_set_parents(struct unstale_event *event, const char *const *labels,
                                           size_t labels_nr);

enum unstale_m2m_action { UNSTALE_M2M_ADD, UNSTALE_M2M_REMOVE, UNSTALE_M2M_CLEAR };

/* m2m_changed: the relation's name on the model, and what was done to it. Its other end: UNSTALE_M2M_PKS. */
UNSTALE_API bool unstale_event_set_m2m(struct unstale_event *event, const char *field,
                                       enum unstale_m2m_action action);

/* Is the event complete and right? What unstale_publish() asks first. */
UNSTALE_API bool unstale_event_check(struct unstale_event *event, struct unstale_error *err);

/*
 * The event as it goes on the wire, and its record key: "MODEL:PK", where a key of several columns
 * is its compact JSON, or the model alone when the event is about many objects. Checks first; NULL
 * on failure. The text is the event's, good until the next call on it, and does not end in NUL.
 */
UNSTALE_API const char *unstale_event_json(struct unstale_event *event, size_t *length,
                                           struct unstale_error *err);
UNSTALE_API const char *unstale_event_key(struct unstale_event *event, size_t *length,
                                          struct unstale_error *err);

/* ---- Producer -------------------------------------------------------------------------------- */

/*
 * A connection to Kafka that sends in the background. Idempotent: an event is written once and in
 * order even when the network makes it try again. Events with the same record key go to the same
 * partition (murmur2_random, which the Java clients use too), where they stay in order.
 */
struct unstale_producer;

/* What became of one event. Everything it points at is good until the callback returns. */
struct unstale_delivery {
    const struct unstale_error *error; /* NULL: Kafka has it */
    int32_t partition;                 /* where it is; -1 when it is not */
    int64_t offset;                    /* likewise */
    void *opaque;                      /* as given when it was published */
    const void *key;                   /* NULL: it had none */
    size_t key_length;
    const void *value;
    size_t value_length;
};

/*
 * Called once for every event that was accepted, whether delivered or given up. It may publish, but
 * there publishing never waits, and a flush fails at once. Never free the producer in it.
 */
typedef void unstale_delivery_fn(const struct unstale_delivery *delivery, void *context);

/*
 * A line of librdkafka's log; level as in syslog (3 error ... 7 debug). Called from librdkafka's own
 * threads, several at once: be quick, and call nothing of this library.
 */
typedef void unstale_log_fn(int level, const char *text, void *context);

/* One librdkafka setting. */
struct unstale_setting {
    const char *name;
    const char *value;
};

struct unstale_options {
    size_t size;                            /* set by unstale_options_init() */
    const char *brokers;                    /* "host:port,..."; "127.0.0.1:9092" */
    const char *topic;                      /* "model-events" */
    const struct unstale_setting *settings; /* any librdkafka setting: TLS, linger.ms, ... */
    size_t settings_nr;
    int wait_ms;     /* how long publishing waits for room in a full queue; 0: not at all */
    bool background; /* callbacks come from a thread of the producer's own */
    unstale_delivery_fn *on_delivery; /* NULL: counters only */
    unstale_log_fn *on_log;           /* NULL: silence */
    void *context;                    /* handed to both callbacks */
};

UNSTALE_API void unstale_options_init_size(struct unstale_options *options, size_t size);

/* The defaults named above. */
static inline void unstale_options_init(struct unstale_options *options)
{
    unstale_options_init_size(options, sizeof(*options));
}

/*
 * Does not wait for a broker: one that is not there shows in the log callback, in the queue that
 * does not empty, and in deliveries that fail after message.timeout.ms (300 s unless set).
 *
 * Refused among the settings: those that would break the promises above (enable.idempotence, acks,
 * partitioner, transactional.id, delivery.report.only.error, log.queue, ...) and those that double
 * an option (bootstrap.servers). Unknown names and bad values are refused with librdkafka's words.
 */
UNSTALE_API UNSTALE_CHECKED struct unstale_producer *
unstale_producer_new(const struct unstale_options *options, struct unstale_error *err);

/*
 * Gives up what is not delivered yet, each such event with its callback, and frees. Flush first to
 * lose nothing. It may take librdkafka a second or two to end its threads, longer while one of them
 * waits for a name server. NULL is allowed. The last user frees: no other thread may be in a call
 * on the producer.
 */
UNSTALE_API void unstale_producer_free(struct unstale_producer *producer);

/*
 * Checks the event and hands it over; true means accepted, not delivered. opaque comes back in the
 * delivery callback. The event can be begun anew at once.
 *
 * When the queue is full (queue.buffering.max.messages, 100,000, or .kbytes, 1 GiB) it waits up to
 * options.wait_ms for room and then fails with UNSTALE_RETRY. Without a background thread, waiting
 * runs delivery callbacks on the calling thread.
 */
UNSTALE_API bool unstale_publish(struct unstale_producer *producer, struct unstale_event *event,
                                 void *opaque, struct unstale_error *err);

struct unstale_header {
    const char *name;
    const void *value; /* NULL: a null header */
    size_t length;
};

/* An event that is written already. Zero what is not used. */
struct unstale_message {
    const void *key; /* NULL: no key, any partition */
    size_t key_length;
    const void *value; /* sent as it is: nothing in it is looked at */
    size_t value_length;
    const struct unstale_header *headers;
    size_t headers_nr;
    void *opaque;
};

/* As unstale_publish(), for an event that is JSON (or another envelope) already. */
UNSTALE_API bool unstale_publish_json(struct unstale_producer *producer,
                                      const struct unstale_message *message,
                                      struct unstale_error *err);

/*
 * Runs the delivery callbacks that are due, waiting up to timeout_ms for the first one (0: not at
 * all). Without a background thread call it now and then; publishing to a full queue, flushing and
 * freeing run them too. With one it does nothing. Fails when the producer is done (UNSTALE_FATAL).
 */
UNSTALE_API bool unstale_producer_poll(struct unstale_producer *producer, int timeout_ms,
                                       struct unstale_error *err);

/*
 * Waits up to timeout_ms until every accepted event is delivered or given up, its callback included.
 * UNSTALE_RETRY when time runs out first; they stay queued. Events published meanwhile count.
 */
UNSTALE_API bool unstale_producer_flush(struct unstale_producer *producer, int timeout_ms,
                                        struct unstale_error *err);

struct unstale_counters {
    uint64_t queued;    /* events accepted */
    uint64_t delivered; /* of these, confirmed by Kafka */
    uint64_t failed;    /* of these, given up */
    uint64_t bytes;     /* keys and values accepted */
    uint64_t waiting;   /* accepted, and neither yet */
    uint64_t reserved[3];
};

/* After fork() they stand still in the child. */
UNSTALE_API void unstale_producer_counters(struct unstale_producer *producer,
                                           struct unstale_counters *counters);

#ifdef __cplusplus
}
#endif

#endif
