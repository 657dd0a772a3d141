/*
 * digest - hashes of rendered texts inside a key, as Django makes them.
 *
 * Template fragments end in the MD5 of what they vary on: up to Django 6.0 every argument followed by
 * a colon, from 6.1 on as netstrings ("1:5,"). Cached pages hold the MD5 of their absolute URI, which
 * is percent-encoded as Django's iri_to_uri does it. A whole digest hashes a key as it is.
 * Texts in fragments and URIs are Python's: None, True, False.
 * Source: django.core.cache.utils, django.utils.cache, django.utils.encoding.
 */
#ifndef CONSUMERS_RULES_DIGEST_H
#define CONSUMERS_RULES_DIGEST_H

#include "consumers/base/hash.h"
#include "consumers/rules/template.h"

enum digest_form { DIGEST_WHOLE, DIGEST_COLONS, DIGEST_NETSTRINGS, DIGEST_URI };

struct template_digest {
    enum digest_form form;
    enum digest kind;
    const struct template *parts; /* at most one of them fanned out */
    size_t parts_nr;
};

/* A template of the digest alone; parts must live as long. Text where nothing is to be filled in. */
struct template digest_template(const struct template_digest *digest, struct arena *arena);

/* Appends the hexadecimal texts it comes to, one for each element of a part that is fanned out. */
enum render_status digest_render(const struct template_digest *digest,
                                 const struct render_input *input, struct render_style style,
                                 struct texts *out, struct render_failure *failure);

#endif
