#include "consumers/service/console.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

extern const char console_index_html[];
extern const size_t console_index_html_len;

enum { NONCE_BYTES = 16 };

static const char place[] = "@NONCE@"; /* where the page wants the number */

bool console_print(struct buffer *page, char policy[CONSOLE_POLICY_BYTES])
{
    unsigned char random[NONCE_BYTES];
    char nonce[2 * NONCE_BYTES + 1];
    const char *at = console_index_html, *found;

    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    while ((found = strstr(at, place))) {
        buffer_add(page, (struct slice){at, (size_t)(found - at)});
        buffer_add_text(page, nonce);
        at = found + sizeof(place) - 1;
    }
    buffer_add_text(page, at);
    snprintf(policy, CONSOLE_POLICY_BYTES,
             "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; "
             "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
             nonce, nonce);
    return true;
}
