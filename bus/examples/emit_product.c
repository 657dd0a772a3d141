/*
 * emit_product - tells the bus that product 42 moved from category 7 to 3 and got cheaper.
 *
 *     cc emit_product.c $(pkg-config --cflags --libs libunstale) -o emit_product
 *     ./emit_product [BROKERS [TOPIC]]
 *
 * Exits 0 when Kafka has the event.
 */
#include <stdio.h>
#include <time.h>

#include <unstale.h>

static void on_delivery(const struct unstale_delivery *delivery, void *context)
{
    int *delivered = context;

    if (delivery->error) {
        fprintf(stderr, "not delivered: %s\n", delivery->error->text);
        return;
    }
    ++*delivered;
    printf("partition %d, offset %lld\n", (int)delivery->partition, (long long)delivery->offset);
}

static bool publish_product(struct unstale_producer *producer, struct unstale_error *err)
{
    struct unstale_event *event = unstale_event_new(err);
    bool ok;

    if (!event)
        return false;
    unstale_event_begin(event, "post_save", "shop.Product");
    unstale_event_pk_int(event, UNSTALE_PK, 42);
    unstale_event_set_created(event, false);
    unstale_event_add_int(event, UNSTALE_BEFORE, "category_id", 7);
    unstale_event_add_decimal(event, UNSTALE_BEFORE, "price", "12.00", 5);
    unstale_event_add_int(event, UNSTALE_AFTER, "id", 42);
    unstale_event_add_string(event, UNSTALE_AFTER, "name", "Lamp", 4);
    unstale_event_add_int(event, UNSTALE_AFTER, "category_id", 3);
    unstale_event_add_decimal(event, UNSTALE_AFTER, "price", "9.50", 4);
    unstale_event_set_ts(event, (int64_t)time(NULL) * 1000);
    unstale_event_set_text(event, UNSTALE_SOURCE, "emit_product");
    ok = unstale_publish(producer, event, NULL, err);
    unstale_event_free(event);
    return ok;
}

int main(int argc, char **argv)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    struct unstale_options options;
    struct unstale_producer *producer;
    int delivered = 0;
    bool ok;

    unstale_options_init(&options);
    if (argc > 1)
        options.brokers = argv[1];
    if (argc > 2)
        options.topic = argv[2];
    options.on_delivery = on_delivery;
    options.context = &delivered;

    producer = unstale_producer_new(&options, &err);
    ok =
        producer && publish_product(producer, &err) && unstale_producer_flush(producer, 5000, &err);
    unstale_producer_free(producer);
    if (!ok)
        fprintf(stderr, "emit_product: %s\n", err.text);
    return ok && delivered == 1 ? 0 : 1;
}
