#include "consumers/rules/codes.h"

#include "consumers/base/compiler.h"

/* In the examples a single quote stands for a double one: code_example() puts them in. */
#define WHOLE(members) "{'version': 1, " members "}"
#define RULE(members) WHOLE("'rules': [{'name': 'product', " members "}]")
#define CACHE(cache, members)                                                                      \
    WHOLE("'caches': {'default': {" cache "}}, 'rules': [{'name': 'product', " members "}]")
#define MODELS "'models': {'shop.Product': {'fields': {'category_id': 'int', 'version': 'int'}}}, "
#define PRODUCT "'when': {'model': 'shop.Product'}, "
#define DELETE "'do': {'delete': 'product:{pk}'}"
#define WRITE(cache, members)                                                                      \
    CACHE(cache, "'when': {'model': 'shop.Product', 'op': ['create', 'update']}, "                 \
                 "'do': {'refresh': {'key': 'product:{pk}', " members "}}")
#define UNLOCK PRODUCT "'do': {'delete': {'key': 'rates', 'unlock': true, 'again_after': '2s'}}"
#define TESTED(key)                                                                                \
    "'tests': [{'name': 'its own key', 'event': {'event': 'post_save', 'model': 'shop.Product', "  \
    "'pk': 42}, 'expect': {'includes': ['UNLINK " key "']}}]"

static const struct code codes[] = {
    {"E101", "the file cannot be read or is not JSON",
     "A .json file is strict: double quotes, no comments, no comma after the last element; .jsonc "
     "takes comments and trailing commas.",
     "{\n  'version': 1,\n  'rules': [\n    { 'name': 'product', 'when': {'model': "
     "'shop.Product'}, 'do': {'delete': 'product:{pk}'} },\n  ]\n}\n",
     RULE(PRODUCT DELETE)},
    {"E102", "a member stands twice in one object",
     "Readers of JSON take either of the two; put both values into one array, or both verbs' keys "
     "into one list.",
     RULE(PRODUCT "'do': {'delete': 'product:{pk}', 'delete': 'products'}"),
     RULE(PRODUCT "'do': {'delete': ['product:{pk}', 'products']}")},
    {"E103", "a value of the wrong type", "The message says which types the member takes.",
     RULE(PRODUCT "'max_keys': '50', " DELETE), RULE(PRODUCT "'max_keys': 50, " DELETE)},
    {"E104", "a member that must be there is missing",
     "A file needs version and rules, a rule name, when and do, a verb its key or pattern.",
     RULE(PRODUCT "'do': {'delete': {'again_after': '2s'}}"),
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}', 'again_after': '2s'}}")},
    {"E105", "a value that is not allowed here",
     "The message says what is allowed; a duration is digits and one of ms, s, m, h, d.",
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}', 'again_after': '2 seconds'}}"),
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}', 'again_after': '2s'}}")},
    {"E106", "a rule, cache, model or default is defined twice",
     "Names are unique over all files, since reports, metrics and dead letters go by them. Caches "
     "and defaults may be said in several files if they say the same.",
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}, {'name': 'product', " PRODUCT
           "'do': {'delete': 'products'}}]"),
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}, {'name': 'product-lists', " PRODUCT
           "'do': {'delete': 'products'}}]")},
    {"E107", "a malformed pattern",
     "In a pattern a value is a plain value, an object with one operator, or an array of them; it "
     "may not be empty.",
     RULE("'when': {'model': 'shop.Product', 'after.price': {'numeric': ['>=']}}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'after.price': {'numeric': ['>=', 100]}}, " DELETE)},
    {"E110", "a brace in a template that opens or closes nothing",
     "{field} is a placeholder; a literal brace is written twice, as in Python's f-strings.",
     RULE(PRODUCT "'do': {'delete': 'product:{pk'}"),
     RULE(PRODUCT "'do': {'delete': ['product:{pk}', '{{tag}}:products']}")},
    {"E111", "a placeholder that is empty or malformed",
     "A placeholder is a path of names with single dots, then ? or [] or filters after |.",
     RULE(PRODUCT "'do': {'delete': 'product:{}'}"),
     RULE(PRODUCT "'do': {'delete': 'product:{pk}'}")},
    {"E201", "an unknown member, field or verb",
     "Nothing is ignored silently: a member that nobody reads is a rule that does not do what it "
     "says.",
     RULE("'when': {'model': 'shop.Product', 'chnaged': ['price']}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'changed': ['price']}, " DELETE)},
    {"E202", "an unknown cache or model",
     "Caches are named in \"caches\"; once a file has \"models\", every model that a rule names "
     "must be among them.",
     WHOLE("'caches': {'pages': {'keys': 'raw'}}, 'rules': [{'name': 'product', 'cache': "
           "'page', " PRODUCT DELETE "}]"),
     WHOLE("'caches': {'pages': {'keys': 'raw'}}, 'rules': [{'name': 'product', 'cache': "
           "'pages', " PRODUCT DELETE "}]")},
    {"E203", "an unknown operator",
     "unstale list operators shows them all; an object in a pattern that holds no operator would "
     "match nothing.",
     RULE("'when': {'model': 'shop.Product', 'after.slug': {'prefx': 'tea-'}}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'after.slug': {'prefix': 'tea-'}}, " DELETE)},
    {"E204", "an unknown filter", "unstale list filters shows them all.",
     RULE(PRODUCT "'do': {'delete': 'product:{slug|lowercase}'}"),
     RULE(PRODUCT "'do': {'delete': 'product:{slug|lower}'}")},
    {"E205", "a field that the model does not have",
     "The catalogue in \"models\" says which fields there are; a key with an unknown field would "
     "never be rendered.",
     WHOLE(MODELS "'rules': [{'name': 'product', " PRODUCT
                  "'do': {'delete': 'products:category:{categroy_id}'}}]"),
     WHOLE(MODELS "'rules': [{'name': 'product', " PRODUCT
                  "'do': {'delete': 'products:category:{category_id}'}}]")},
    {"E206", "a row that this op does not have: before on create, after on delete",
     "A created object has no old row and a deleted one no new row; a bare {field} takes whichever "
     "there is.",
     RULE("'when': {'model': 'shop.Product', 'op': 'delete'}, 'do': {'delete': "
          "'product:{after.slug}'}"),
     RULE("'when': {'model': 'shop.Product', 'op': 'delete'}, 'do': {'delete': "
          "'product:{before.slug}'}")},
    {"E207", "a literal of a type that the field never has",
     "The comparison could never hold: \"1\" is a text, 1 a number, true neither.",
     RULE("'when': {'model': 'shop.Product', 'created': 'true'}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'created': true}, " DELETE)},
    {"E208", "a second [] in one template",
     "One array a template gives one key for each element; two would multiply.",
     RULE(PRODUCT "'do': {'delete': 'tag:{tag_ids[]}:store:{store_ids[]}'}"),
     RULE(PRODUCT "'do': {'delete': ['tag:{tag_ids[]}', 'store:{store_ids[]}']}")},
    {"E209", "an argument that a filter does not take",
     "Some filters need an argument after a colon, the others take none.",
     RULE(PRODUCT "'do': {'delete': 'stats:{created_at|date}'}"),
     RULE(PRODUCT "'do': {'delete': 'stats:{created_at|date:%Y-%m-%d}'}")},
    {"E210", "a member of a name that has none",
     "pk, model, op and the like are plain values; fields of the row stand below before and after.",
     RULE("'when': {'model.name': 'Product'}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'after.name': 'Tea'}, " DELETE)},
    {"E301", "a purge that would delete far more than meant",
     "A pattern needs three literal characters at its start; where everything is meant, both the "
     "purge says \"allow\": \"broad\" and the cache \"allow_broad\": true.",
     RULE(PRODUCT "'do': {'purge': '*'}"), RULE(PRODUCT "'do': {'purge': 'products:*'}")},
    {"E302", "a pattern inside a protected prefix",
     "Sessions, task queues and locks live in the same Redis; a purge spares them, so a pattern "
     "among them would do nothing.",
     RULE(PRODUCT "'do': {'purge': 'celery-task-meta-*'}"),
     RULE(PRODUCT "'do': {'purge': 'products:*'}")},
    {"E303", "a refresh without ttl", "What nobody deletes by name would stay for ever.",
     WRITE("'serializer': 'json'", "'value': '{after.name}'"),
     WRITE("'serializer': 'json'", "'value': '{after.name}', 'ttl': '1h'")},
    {"E304", "a refresh into a cache that declares no serializer",
     "Readers fail on bytes that they cannot decode, so the cache says how values are written.",
     WRITE("'keys': 'django'", "'value': '{after.name}', 'ttl': '1h'"),
     WRITE("'keys': 'django', 'serializer': 'pickle'", "'value': '{after.name}', 'ttl': '1h'")},
    {"E305", "a placeholder where its value could change what a pattern reaches",
     "What an event holds must not decide which keys go: literal text stands before a placeholder, "
     "and neither a lone backslash nor an open [ does.",
     RULE(PRODUCT "'do': {'purge': '{category_id}:products:*'}"),
     RULE(PRODUCT "'do': {'purge': 'category:{category_id}:products:*'}")},
    {"E306", "again_after longer than 60 seconds",
     "The event is acknowledged only after the second delete, so a long wait holds up all that "
     "follow.",
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}', 'again_after': '5m'}}"),
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}', 'again_after': '5s'}}")},
    {"E307", "unlock in a cache that declares no lock_suffix",
     "The key of the lock is the key and the cache's lock_suffix.", CACHE("'keys': 'raw'", UNLOCK),
     CACHE("'keys': 'raw', 'lock_suffix': ':lock'", UNLOCK)},
    {"E308", "a guard on a key whose braces are no hash tag",
     "The version is kept beside the key in the same cluster slot, which a key with odd braces "
     "cannot name.",
     RULE(PRODUCT "'do': {'delete': {'key': 'product:{pk}:{{', 'guard': '{version}'}}"),
     RULE(PRODUCT "'do': {'delete': {'key': '{{product:{pk}}}:data', 'guard': '{version}'}}")},
    {"E309", "a pattern in a cache whose keys are hashed",
     "A hash tells nothing of the key it was made of. Name the keys, or bump a version in them.",
     CACHE("'keys': 'django', 'key_function': '{key|md5}'",
           PRODUCT "'do': {'purge': 'products:*'}"),
     CACHE("'keys': 'django', 'key_function': '{key|md5}'", PRODUCT DELETE)},
    {"E310", "a test of the rules fails",
     "The rule files carry tests of their own; a reload with a failing one is refused.",
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}], " TESTED("product:7")),
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}], " TESTED("product:42"))},
    {"W401", "a rule that is the same as another",
     "It does nothing more, and whoever changes one of the two forgets the other.",
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}, {'name': 'products', " PRODUCT DELETE
           "}]"),
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}]")},
    {"W402", "a rule that another one does already",
     "Whatever it matches, the other rule matches too, and does the same and more.",
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}, {'name': 'price', 'when': {'model': "
           "'shop.Product', 'changed': ['price']}, " DELETE "}]"),
     WHOLE("'rules': [{'name': 'product', " PRODUCT DELETE "}, {'name': 'price', 'when': {'model': "
           "'shop.Product', 'changed': ['price']}, 'do': {'delete': 'prices'}}]")},
    {"W403", "a key that a purge of the same rule deletes as well",
     "The purge alone is enough, if a moment later is soon enough; else name the key and narrow "
     "the "
     "pattern.",
     RULE(PRODUCT "'do': {'delete': 'products:list', 'purge': 'products:*'}"),
     RULE(PRODUCT "'do': {'delete': 'products:list', 'purge': 'products:list:page:*'}")},
    {"W404", "a rule that can never match",
     "The message says which two of its parts exclude each other.",
     RULE("'when': {'model': 'shop.Product', 'm2m.field': 'tags'}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'op': 'm2m', 'm2m.field': 'tags'}, " DELETE)},
    {"W405", "a refresh without guard: an older value can overwrite a newer one",
     "Events may come late or twice; a guard stores only what is newer than what is there.",
     WRITE("'serializer': 'json'", "'value': '{after.name}', 'ttl': '1h', 'guard': false"),
     WRITE("'serializer': 'json'", "'value': '{after.name}', 'ttl': '1h', 'guard': '{version}'")},
    {"W406", "unlock without again_after",
     "A second worker computes while the first may still write what it read before the change; a "
     "second delete removes that.",
     CACHE("'lock_suffix': ':lock'", PRODUCT "'do': {'delete': {'key': 'rates', 'unlock': true}}"),
     CACHE("'lock_suffix': ':lock'", UNLOCK)},
    {"W407", "a pattern without a wildcard",
     "A purge walks all keys of the database. What can be named is deleted at once.",
     RULE(PRODUCT "'do': {'purge': 'product:{pk}'}"), RULE(PRODUCT DELETE)},
    {"W408", "a sensitive field in what a refresh writes",
     "Everybody who reads the cache can see it.",
     WRITE("'serializer': 'json'",
           "'value': {'name': '{after.name}', 'token': '{after.api_token}'}, 'ttl': '1h'"),
     WRITE("'serializer': 'json'", "'value': {'name': '{after.name}'}, 'ttl': '1h'")},
    {"W409", "a raw cache whose prefix looks like Django's without the version",
     "Django's keys are PREFIX:VERSION:KEY; with the prefix alone every key would be missed.",
     CACHE("'keys': 'raw', 'prefix': 'myapp:'", PRODUCT DELETE),
     CACHE("'keys': 'django', 'prefix': 'myapp'", PRODUCT DELETE)},
    {"W410", "a name in changed that no event of the sample carries",
     "check --events holds rules against real events: a field that is always absent is a typo, or "
     "one "
     "that the emitter does not send.",
     RULE("'when': {'model': 'shop.Product', 'changed': ['prise']}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'changed': ['price']}, " DELETE)},
    {"W411", "a many-to-many field that no rule takes",
     "Adding to or removing from it saves nothing, so no other event tells of it.",
     WHOLE("'models': {'shop.Product': {'m2m': ['tags']}}, 'rules': [{'name': 'product', " PRODUCT
               DELETE "}]"),
     WHOLE("'models': {'shop.Product': {'m2m': ['tags']}}, 'rules': [{'name': 'product', 'when': "
           "{'model': 'shop.Product', 'op': ['create', 'update', 'delete', 'm2m']}, " DELETE "}]")},
    {"W412", "a text compared with an integer",
     "A pattern compares types too: '42' is never equal to 42.",
     RULE("'when': {'model': 'shop.Product', 'pk': '42'}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'pk': 42}, " DELETE)},
    {"W413", "a refresh in a rule that matches deletes, where it does nothing",
     "A deleted object has no new row to write: name the ops, and delete the key in another rule.",
     CACHE("'serializer': 'json'", PRODUCT
           "'do': {'refresh': {'key': 'product:{pk}', 'value': '{after.name}', 'ttl': '1h'}}"),
     WRITE("'serializer': 'json'", "'value': '{after.name}', 'ttl': '1h'")},
    {"W414", "a placeholder that is not the row's field of that name",
     "The event has a member of that name, which wins; {after.version} and {before.version} are "
     "the row's.",
     WHOLE(MODELS "'rules': [{'name': 'product', " PRODUCT
                  "'do': {'delete': 'product:{pk}:v{version}'}}]"),
     WHOLE(MODELS
           "'rules': [{'name': 'product', 'when': {'model': 'shop.Product', 'op': 'update'}, "
           "'do': {'delete': 'product:{pk}:v{before.version}'}}]")},
    {"W415", "an op that is close to a known one",
     "Events of your own may have any name; this one looks like a slip.",
     RULE("'when': {'model': 'shop.Product', 'op': 'updated'}, " DELETE),
     RULE("'when': {'model': 'shop.Product', 'op': 'update'}, " DELETE)},
};

const struct code *code_at(size_t index)
{
    return index < ARRAY_NR(codes) ? &codes[index] : NULL;
}

const struct code *code_find(struct slice code)
{
    for (size_t i = 0; i < ARRAY_NR(codes); i++) {
        if (slice_equals(slice_of(codes[i].code), code))
            return &codes[i];
    }
    return NULL;
}

struct slice code_example(const char *text, struct arena *arena)
{
    struct slice copy = arena_copy(arena, slice_of(text));

    for (char *c = (char *)copy.ptr; c < copy.ptr + copy.len; c++)
        *c = *c == '\'' ? '"' : *c;
    return copy;
}
