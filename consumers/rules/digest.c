#include "consumers/rules/digest.h"

#include "consumers/base/text.h"
#include "consumers/rules/encode.h"

/* Characters that iri_to_uri() lets through besides letters and digits. */
static bool is_of_uri(unsigned char c)
{
    bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

    return is_alnum || (c > 0 && strchr("_.-~/#%[]=:;$&()+,!?*@'", c) != NULL);
}

static void add_uri(struct sink *sink, struct slice text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (is_of_uri(c)) {
            sink_add_char(sink, (char)c);
            continue;
        }
        sink_add_char(sink, '%');
        sink_add_char(sink, hex[c >> 4]);
        sink_add_char(sink, hex[c & 15]);
    }
}

static void add_part(struct sink *sink, enum digest_form form, struct slice text)
{
    switch (form) {
    case DIGEST_WHOLE:
        sink_add(sink, text);
        break;
    case DIGEST_COLONS:
        sink_add(sink, text);
        sink_add_char(sink, ':');
        break;
    case DIGEST_NETSTRINGS:
        sink_add(sink, arena_printf(sink->arena, "%zu:", text.len));
        sink_add(sink, text);
        sink_add_char(sink, ',');
        break;
    case DIGEST_URI:
        add_uri(sink, text);
        break;
    }
}

static struct slice hash_of(struct sink *sink, enum digest kind)
{
    char hex[DIGEST_HEX_BYTES];
    size_t len = digest_hex(kind, sink_slice(sink), hex);

    return arena_copy(sink->arena, (struct slice){hex, len});
}

static struct slice constant_text(const struct template *part)
{
    return part->segments_nr > 0 ? part->segments[0].literal : SLICE("");
}

struct template digest_template(const struct template_digest *digest, struct arena *arena)
{
    struct segment *segment = arena_zero(arena, 1, sizeof(*segment));
    struct template tpl = {.segments = segment, .segments_nr = 1, .is_constant = true};
    struct sink sink;

    sink_init(&sink, arena);
    for (size_t i = 0; i < digest->parts_nr; i++) {
        const struct template *part = &digest->parts[i];

        tpl.uses_row |= part->uses_row;
        if (part->is_constant)
            add_part(&sink, digest->form, constant_text(part));
        for (size_t j = 0; j < part->segments_nr; j++) {
            if (slice_is_absent(part->segments[j].text))
                continue;
            segment->is_fanned_out |= part->segments[j].is_fanned_out;
            if (tpl.is_constant)
                segment->text = part->segments[j].text;
            tpl.is_constant = false;
        }
    }
    if (tpl.is_constant)
        segment->literal = hash_of(&sink, digest->kind);
    else
        segment->digest = digest;
    tpl.source = tpl.is_constant ? segment->literal : segment->text;
    return tpl;
}

static struct slice hash_nth(const struct template_digest *digest, const struct texts *parts,
                             size_t index, struct arena *arena)
{
    struct sink sink;

    sink_init(&sink, arena);
    for (size_t i = 0; i < digest->parts_nr; i++)
        add_part(&sink, digest->form, parts[i].items[parts[i].nr > 1 ? index : 0]);
    return hash_of(&sink, digest->kind);
}

enum render_status digest_render(const struct template_digest *digest,
                                 const struct render_input *input, struct render_style style,
                                 struct texts *out, struct render_failure *failure)
{
    struct render_style django = {.is_django = true};
    struct texts *parts = arena_zero(input->arena, digest->parts_nr + 1, sizeof(*parts));
    enum render_status worst = RENDER_OK;
    size_t nr = 1;

    style.is_pattern = false;
    for (size_t i = 0; i < digest->parts_nr; i++) {
        enum render_status status =
            template_render(&digest->parts[i], input, digest->form == DIGEST_WHOLE ? style : django,
                            &parts[i], failure);

        worst = status > worst ? status : worst;
        if (parts[i].nr != 1)
            nr = parts[i].nr;
        if (nr == 0)
            return worst;
    }
    for (size_t i = 0; i < nr; i++) {
        out->items =
            arena_grow(input->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
        out->items[out->nr++] = hash_nth(digest, parts, i, input->arena);
    }
    return worst;
}
