/* Keys that Django makes itself: template fragments and cached pages. */
#include "consumers/rules/action.h"
#include "consumers/rules/digest.h"

/* MD5 of nothing: what a page ends in that varies on no header. */
#define NO_HEADERS "d41d8cd98f00b204e9800998ecf8427e"

static struct template join(struct action_reader *r, const struct template *before,
                            const struct template *after, bool is_pattern)
{
    return template_join(before, after, is_pattern, r->loader->arena);
}

static struct template literal(struct action_reader *r, const char *text)
{
    return template_literal(slice_of(text), r->loader->arena);
}

static bool is_fanned_out(const struct template *tpl)
{
    for (size_t i = 0; i < tpl->segments_nr; i++) {
        if (tpl->segments[i].is_fanned_out)
            return true;
    }
    return false;
}

/* One array may be fanned out in what makes one key. */
static bool check_fans(struct action_reader *r, const struct cursor *at, size_t fans)
{
    if (fans < 2)
        return true;
    report(r->loader, at, (struct remark){.code = "E208"},
           "a second [] in one key; one array may be fanned out");
    return false;
}

/* ---- fragments ---- */

static bool load_arguments(struct action_reader *r, const struct cursor *at,
                           struct template_digest *digest, size_t fans)
{
    size_t nr = json_array_size(at->json);
    struct template *parts = arena_zero(r->loader->arena, nr + 1, sizeof(*parts));
    bool is_fine = true;

    for (size_t i = 0; i < nr; i++) {
        is_fine = action_load_template(r, cursor_element(at, i), &parts[i]) && is_fine;
        fans += is_fanned_out(&parts[i]);
    }
    *digest = (struct template_digest){DIGEST_COLONS, DIGEST_MD5, parts, nr};
    return is_fine && check_fans(r, at, fans);
}

static void add_fragment(struct action_reader *r, const struct template *before,
                         const struct template_digest *arguments)
{
    static const enum digest_form forms[] = {DIGEST_COLONS, DIGEST_NETSTRINGS};
    size_t nr = arguments->parts_nr > 0 ? ARRAY_NR(forms) : 1;
    struct template_digest *digests = arena_zero(r->loader->arena, nr, sizeof(*digests));

    for (size_t i = 0; i < nr; i++) {
        struct template hash, whole;

        digests[i] = *arguments;
        digests[i].form = forms[i];
        hash = digest_template(&digests[i], r->loader->arena);
        whole = join(r, before, &hash, false);
        whole.source = action_text(r, &whole);
        action_add_targets(r, &whole, false);
    }
}

void fragment_load(struct action_reader *r, const struct cursor *at, const struct cursor *name_at)
{
    const struct cursor *vary = cursor_member(at, "vary");
    struct template start = literal(r, "template.cache."), dot = literal(r, ".");
    struct template star = literal(r, ".*"), name, before;
    struct template_digest arguments = {DIGEST_COLONS, DIGEST_MD5, NULL, 0};

    if (!action_load_key(r, name_at, &name) ||
        (vary && !shape_is(r->loader, vary, SHAPE_ARRAY | SHAPE_BOOL)))
        return;
    before = join(r, &start, &name, false);
    if (vary && json_is_true(vary->json)) {
        before = join(r, &before, &star, true);
        action_add_pattern(r, &before);
        return;
    }
    before = join(r, &before, &dot, false);
    if (!vary || json_is_false(vary->json) ||
        load_arguments(r, vary, &arguments, is_fanned_out(&name)))
        add_fragment(r, &before, &arguments);
}

/* ---- pages ---- */

struct page {
    struct template prefix; /* cache_page's key_prefix */
    bool has_prefix_fan;
    bool varies; /* on headers, whose hash differs among Django's releases */
    const struct cache *cache;
};

/* "views.decorators.cache.WHAT.PREFIX." */
static struct template page_start(struct action_reader *r, const struct page *page,
                                  const char *what)
{
    struct template start = literal(r, "views.decorators.cache."), rest = literal(r, what);
    struct template dot = literal(r, ".");

    start = join(r, &start, &rest, false);
    start = join(r, &start, &page->prefix, false);
    return join(r, &start, &dot, false);
}

/* A key for each language and time zone that the cache names, or one without either. */
static void add_variants(struct action_reader *r, const struct page *page,
                         const struct template *key)
{
    size_t nr = page->cache ? page->cache->i18n_nr : 0;

    if (nr == 0) {
        struct template whole = *key;

        whole.source = action_text(r, &whole);
        action_add_targets(r, &whole, false);
    }
    for (size_t i = 0; i < nr; i++) {
        struct slice text = page->cache->i18n[i];
        struct template suffix, whole;

        if (text.len > 0)
            text = arena_printf(r->loader->arena, ".%.*s", SLICE_ARG(text));
        suffix = template_literal(text, r->loader->arena);
        whole = join(r, key, &suffix, false);
        whole.source = action_text(r, &whole);
        action_add_targets(r, &whole, false);
    }
}

static void add_page(struct action_reader *r, const struct page *page, const struct template *url)
{
    static const char *const methods[] = {"GET.", "HEAD."};
    struct template_digest *digest = arena_zero(r->loader->arena, 1, sizeof(*digest));
    struct template start = page_start(r, page, "cache_header."), hash, whole;
    struct template star = literal(r, ".*"), no_headers = literal(r, "." NO_HEADERS);
    bool is_exact = !page->varies && page->cache && page->cache->i18n_nr > 0;

    *digest = (struct template_digest){DIGEST_URI, DIGEST_MD5, url, 1};
    hash = digest_template(digest, r->loader->arena);
    whole = join(r, &start, &hash, false);
    add_variants(r, page, &whole);
    start = page_start(r, page, "cache_page.");
    for (size_t i = 0; i < ARRAY_NR(methods); i++) {
        struct template method = literal(r, methods[i]);

        whole = join(r, &start, &method, false);
        whole = join(r, &whole, &hash, false);
        whole = join(r, &whole, is_exact ? &no_headers : &star, !is_exact);
        if (is_exact)
            add_variants(r, page, &whole);
        else
            action_add_pattern(r, &whole);
    }
}

static void load_url(struct action_reader *r, const struct cursor *at, const struct page *page)
{
    struct template *url = arena_zero(r->loader->arena, 1, sizeof(*url));
    struct slice start;

    if (!action_load_key(r, at, url) ||
        !check_fans(r, at, (size_t)page->has_prefix_fan + is_fanned_out(url)))
        return;
    start = url->segments[0].literal;
    if (slice_is_absent(url->segments[0].text) && !slice_starts_with(start, SLICE("https://")) &&
        !slice_starts_with(start, SLICE("http://"))) {
        report(r->loader, at, (struct remark){.code = "E105"},
               "a page is named by its whole address, as in \"https://shop.example/products/\"");
        return;
    }
    add_page(r, page, url);
}

void page_load(struct action_reader *r, const struct cursor *at, const struct cursor *urls)
{
    const struct cursor *prefix = cursor_member(at, "page_prefix");
    struct page page = {.prefix = literal(r, ""), .cache = r->rule->cache};
    struct cursor_iter it = cursor_walk(urls);
    const struct cursor *url;

    shape_flag(r->loader, cursor_member(at, "vary"), &page.varies);
    if ((prefix && !action_load_template(r, prefix, &page.prefix)) ||
        !shape_is(r->loader, urls, SHAPE_STRING | SHAPE_ARRAY))
        return;
    page.has_prefix_fan = is_fanned_out(&page.prefix);
    if (json_is_string(urls->json))
        load_url(r, urls, &page);
    else if (json_array_size(urls->json) == 0)
        report(r->loader, urls, (struct remark){.code = "E105"}, "\"page\" is empty");
    while (json_is_array(urls->json) && (url = cursor_next(&it)))
        load_url(r, url, &page);
}
