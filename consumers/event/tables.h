/*
 * tables - which table of a database holds which model; built by whoever knows the models.
 *
 * A table is named as it was declared: whole (`shop.product`: schema and table, or database and
 * table) or by its own name alone (`shop_product`), which then stands for that table of every
 * schema. The whole name goes first. Names compare without case (ASCII). Immutable; lives in the
 * arena it was built in and borrows the texts.
 */
#ifndef CONSUMERS_EVENT_TABLES_H
#define CONSUMERS_EVENT_TABLES_H

#include "consumers/base/arena.h"

struct table {
    struct slice name;
    struct slice model; /* "shop.Product" */
};

struct tables;

/* Of two entries with the same name the first counts. */
const struct tables *tables_build(const struct table *entries, size_t nr, struct arena *arena);

/* The model in "schema.table"; absent: none was declared (or tables is NULL). */
struct slice tables_model(const struct tables *tables, struct slice schema_and_table);

#endif
