/* Each thing that is refused or warned about: its code, its place, its words. */
#include <stdio.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

/* Every rule here stands in this file; what is underlined is told by its bytes. */
#define HEAD                                                                                       \
    "{'version':1,'caches':{'default':{'keys':'django','prefix':'myapp','serializer':'json',"      \
    "'lock_suffix':':lock'},'bare':{},'wide':{'allow_broad':true},'hash':{'keys':'django','key_"   \
    "function':'{key|md5}'}"                                                                       \
    ","                                                                                            \
    "'key':{'keys':'django','prefix':'celery'}},"                                                  \
    "'models':{'shop.Product':{'fields':{'name':'str','price':'decimal','category_id':'int',"      \
    "'version':'int'},'parents':['shop.Item']},"                                                   \
    "'shop.Item':{'fields':{'sku':'str'}},'shop.Category':{'fields':{'slug':'str'}}},"             \
    "'rules':[{'name':'r',"
#define TAIL "}]}"
#define PRODUCT "'when':{'model':'shop.Product'},"
#define WRITTEN "'when':{'model':'shop.Product','op':'update'},"
#define DELETE ",'do':{'delete':'k'}"

static const struct {
    const char *rule; /* members of the rule */
    const char *code;
    const char *underlined;
    const char *message;    /* a part of it */
    const char *suggestion; /* NULL: none */
} refused[] = {
    /* shape */
    {PRODUCT "'do':{'delete':1}", "E103", "1",
     "\"delete\" must be a string, an object or an array, not an integer", NULL},
    {PRODUCT "'do':{'delete':['a',2.5]}", "E103", "2.5", "an element of \"delete\" must be", NULL},
    {PRODUCT "'do':{'delete':[['a']]}", "E103", "[", "not an array", NULL},
    {PRODUCT "'do':[]", "E103", "[", "\"do\" must be an object, not an array", NULL},
    {PRODUCT "'max_keys':'9'" DELETE, "E103", "\"9\"", "must be an integer, not a string", NULL},
    {PRODUCT "'enabled':null" DELETE, "E103", "null", "must be a boolean, not null", NULL},
    {PRODUCT "'do':{'refresh':'k'}", "E103", "\"k\"", "must be an object with key", NULL},
    {PRODUCT "'do':{'delete':{'fragment':'f','vary':'{pk}'}}", "E103", "\"{pk}\"",
     "\"vary\" must be a boolean or an array", NULL},
    {PRODUCT "'do':{'delete':{'page':'https://a/','vary':['x']}}", "E103", "[",
     "\"vary\" must be a boolean", NULL},
    {PRODUCT "'do':{'delete':{'page':'/a/'}}", "E105", "\"/a/\"", "by its whole address", NULL},
    {PRODUCT "'do':{'delete':{'page':[]}}", "E105", "[", "\"page\" is empty", NULL},
    {PRODUCT "'do':{'delete':{'fragment':'f','unlock':true}}", "E201", "\"unlock\"",
     "in the \"delete\" of a fragment (known: fragment, vary,", NULL},
    {PRODUCT "'do':{'delete':{'key':'f','page':'https://a/'}}", "E201", "\"page\"",
     "in \"delete\" (known: key, again_after,", NULL},
    {PRODUCT "'do':{'delete':{'fragment':'f','vary':['{name[]}','{price[]}']}}", "E208", "[",
     "a second []", NULL},
    {PRODUCT "'do':{'delete':{'page':'https://a/{name[]}','page_prefix':'{price[]}'}}", "E208",
     "\"https://a/{name[]}\"", "a second []", NULL},
    {PRODUCT "'cache':'key','do':{'delete':{'fragment':'f','vary':true}}", "E302", "\"f\"",
     "purge \"template.cache.f.*\" lies inside", NULL},
    {PRODUCT "'do':{'expire':'k'}", "E103", "\"k\"", "must be an object with key", NULL},
    {PRODUCT "'do':{'purge_tag':{'key':'k'}}", "E103", "{", "must be a string or an array", NULL},
    {PRODUCT "'do':{'expire':{'ttl':'1s'}}", "E104", "{", "\"expire\" needs \"key\"", NULL},
    {PRODUCT "'do':{'expire':{'key':'k'}}", "E104", "{", "\"expire\" needs \"ttl\"", NULL},
    {PRODUCT "'do':{'expire':{'key':'k','pattern':'abc*','ttl':'1s'}}", "E105", "\"pattern\"",
     "not both", NULL},
    {PRODUCT "'do':{'expire':{'key':[],'ttl':'1s'}}", "E105", "[", "\"key\" is empty", NULL},
    {PRODUCT "'do':{'expire':{'key':'k','ttl':'0s'}}", "E105", "\"0s\"", "longer than 0", NULL},
    {PRODUCT "'do':{'expire':{'key':'k','ttl':'5s','jitter':'5s'}}", "E105", "\"5s\"",
     "shorter than \"ttl\"", NULL},
    {PRODUCT "'do':{'expire':{'pattern':'*','ttl':'5s'}}", "E301", "\"*\"",
     "expire \"*\" would expire every key", NULL},
    {PRODUCT "'do':{'expire':{'pattern':'celery*','ttl':'5s'}}", "E302", "\"celery*\"",
     "expire \"celery*\" lies inside", NULL},
    {"'do':{'delete':'k'}", "E104", "{", "needs \"when\"", NULL},
    {"'when':{'model':'shop.Product'}", "E104", "{", "needs \"do\"", NULL},
    {PRODUCT "'do':{}", "E104", "{", "\"do\" needs a verb", NULL},
    {PRODUCT "'do':{'delete':{'again_after':'1s'}}", "E104", "{", "\"delete\" needs \"key\"", NULL},
    {PRODUCT "'do':{'purge':{'rate':1}}", "E104", "{", "\"purge\" needs \"pattern\"", NULL},
    {PRODUCT "'mode':'shadoww'" DELETE, "E105", "\"shadoww\"", "must be one of live, shadow",
     "shadow"},
    {PRODUCT "'max_keys':0" DELETE, "E105", "0", "must be from 1 to 200000", NULL},
    {PRODUCT "'do':{'delete':{'key':'k','again_after':'2 s'}}", "E105", "\"2 s\"", "digits and one",
     NULL},
    {PRODUCT "'do':{'delete':''}", "E105", "\"\"", "an empty key", NULL},
    {PRODUCT "'do':{'delete':[]}", "E105", "[", "\"delete\" is empty", NULL},
    {PRODUCT "'ignore':['W999']" DELETE, "E105", "\"W999\"", "no warning \"W999\"", NULL},
    {PRODUCT "'ignore':'E301'" DELETE, "E105", "\"E301\"", "cannot be ignored", NULL},
    {PRODUCT "'do':{'delete':{'key':'k{pk}','guard':'7'}}", "E105", "\"7\"", "guards nothing",
     NULL},
    {PRODUCT "'do':{'delete':{'key':'k{pk}','guard':true}}", "E105", "true", "is a template", NULL},
    {WRITTEN "'do':{'refresh':{'key':'k{pk}','value':1,'ttl':'0s'}}", "E105", "\"0s\"",
     "longer than 0", NULL},
    {PRODUCT "'unless':{}" DELETE, "E107", "{", "would stop every event", NULL},
    /* patterns */
    {"'when':{'after.name':[]}" DELETE, "E107", "[", "matches nothing", NULL},
    {"'when':{'after.name':[['a']]}" DELETE, "E107", "[", "a plain value or an operator", NULL},
    {"'when':{'after..x':1}" DELETE, "E107", "\"after..x\"", "is no path", NULL},
    {"'when':{'after.name':{}}" DELETE, "E107", "{", "neither an operator nor fields", NULL},
    {"'when':{'$or':{'op':'create'}}" DELETE, "E107", "{", "two or more patterns", NULL},
    {"'when':{'$or':[{'op':'create'}]}" DELETE, "E107", "[", "two or more patterns", NULL},
    {"'when':{'$or':[{},{'op':'create'}]}" DELETE, "E107", "{", "matches everything", NULL},
    {"'when':{'after.x':[{'numeric':['>',1,'<']}]}" DELETE, "E107", "[", "one or two comparisons",
     NULL},
    {"'when':{'after.x':{'wildcard':'*a*b*c*'}}" DELETE, "E107", "*", "at most 3", NULL},
    {"'when':{'after.x':{'wildcard':'a**'}}" DELETE, "E107", "*", "side by side", NULL},
    {"'when':{'after.x':{'anything-but':[]}}" DELETE, "E107", "[", "is empty", NULL},
    {"'when':{'after.x':{'anything-but':{'exists':true}}}" DELETE, "E107", "\"exists\"",
     "takes prefix", NULL},
    {"'when':{'after.x':[{'numeric':['>','many']}]}" DELETE, "E105", "\"many\"", "is no number",
     NULL},
    /* names */
    {PRODUCT "'do':{'expires':{}}", "E201", "\"expires\"", "known: bump, refresh, delete, expire",
     "expire"},
    {PRODUCT "'do':{'delet':'k'}", "E201", "\"delet\"", "unknown member", "delete"},
    {PRODUCT "'unles':{}" DELETE, "E201", "\"unles\"", "in a rule", "unless"},
    {PRODUCT "'do':{'purge':{'pattern':'abc*','coalesc':'1s'}}", "E201", "\"coalesc\"",
     "in \"purge\"", "coalesce"},
    {"'when':{'chnaged':['price']}" DELETE, "E201", "\"chnaged\"", "unknown field", "changed"},
    {"'when':{'aftr.price':1}" DELETE, "E201", "\"aftr.price\"", "unknown field", "after.price"},
    {"'when':{'category_id':1}" DELETE, "E201", "\"category_id\"", "unknown field", NULL},
    {"'when':{'id':1}" DELETE, "E201", "\"id\"", "unknown field \"id\"", NULL},
    {"'when':{'sender':'a'}" DELETE, "E201", "\"sender\"", "unknown field", NULL},
    {"'when':{'m2m.fields':'a'}" DELETE, "E201", "\"m2m.fields\"", "m2m has", "field"},
    {"'when':{'model.name':'a'}" DELETE, "E210", "\"model.name\"", "has no fields", NULL},
    {PRODUCT "'cache':'defualt'" DELETE, "E202", "\"defualt\"", "no cache", "default"},
    {"'when':{'model':'shop.Prodcut'}" DELETE, "E202", "\"shop.Prodcut\"", "no model",
     "shop.Product"},
    {"'when':{'model':['shop.Category','shop.Prodcut']}" DELETE, "E202", "\"shop.Prodcut\"",
     "no model", "shop.Product"},
    {"'when':{'after.x':[{'numeric':['=>',1]}]}" DELETE, "E203", "\"=>\"", "unknown numeric", ">="},
    {"'when':{'after.x':[{'preffix':'a'}]}" DELETE, "E203", "\"preffix\"", "unknown operator",
     "prefix"},
    {"'when':{'after.x':{'numerc':['>',1]}}" DELETE, "E203", "\"numerc\"", "unknown operator",
     "numeric"},
    {"'when':{'model':{'starts-with':'a'}}" DELETE, "E203", "\"starts-with\"", "unknown operator",
     NULL},
    {"'when':{'after.x':{'prefix':'a','suffix':'b'}}" DELETE, "E203", "{", "must be alone", NULL},
    {PRODUCT "'do':{'delete':'k:{name|lwoer}'}", "E204", "lwoer", "unknown filter", "lower"},
    {PRODUCT "'do':{'delete':'k:{nme}'}", "E205", "{nme}", "has no field \"nme\"", "name"},
    {PRODUCT "'do':{'delete':'k:{after.nme|lower}'}", "E205", "{after.nme|lower}", "has no field",
     "name"},
    {"'when':{'model':'shop.product','after.pric':1}" DELETE, "E205", "\"after.pric\"",
     "has no field \"pric\"", "price"},
    {"'when':{'model':'shop.Product','after':{'pric':1}}" DELETE, "E205", "\"pric\"",
     "has no field \"pric\"", "price"},
    {"'when':{'model':'shop.Product','changed':['price','nmae']}" DELETE, "E205", "\"nmae\"",
     "has no field", "name"},
    {"'when':{'model':['shop.Product','shop.Category']},'do':{'delete':'k:{slug}'}", "E205",
     "{slug}", "model \"shop.Product\" has no field", NULL},
    {WRITTEN "'do':{'refresh':{'key':'k{pk}','value':{'a':['{nmae}']},'ttl':'1s'}}", "E205",
     "{nmae}", "has no field", "name"},
    {"'when':{'op':'create','before.name':'a'}" DELETE, "E206", "\"before.name\"", "no row before",
     NULL},
    {"'when':{'op':'create'},'do':{'delete':'k:{before.name}'}", "E206", "{before.name}",
     "no row before", NULL},
    {"'when':{'op':'delete'},'do':{'delete':'k:{after.name}'}", "E206", "{after.name}",
     "no row after", NULL},
    {"'when':{'op':null}" DELETE, "E207", "null", "\"op\" is always a string", NULL},
    {"'when':{'created':'yes'}" DELETE, "E207", "\"yes\"", "always a boolean", NULL},
    {"'when':{'changed':[1]}" DELETE, "E207", "1", "always a string", NULL},
    {"'when':{'version':'7'}" DELETE, "E207", "\"7\"", "always a number", NULL},
    {PRODUCT "'do':{'delete':'k:{pk'}", "E110", "{", "", NULL},
    {PRODUCT "'do':{'delete':'k:pk}'}", "E110", "}", "", NULL},
    {PRODUCT "'do':{'delete':'{name[]}{price[]}'}", "E208", "[]", "", NULL},
    {PRODUCT "'do':{'delete':'k:{name|pad:x}'}", "E209", "x", "a number from 1 to 10000", NULL},
    {PRODUCT "'do':{'delete':'k:{name|trunc:0}'}", "E209", "0", "a number from 1", NULL},
    {PRODUCT "'do':{'delete':'k:{name|pad}'}", "E209", "pad", "needs an argument, as in pad:8",
     NULL},
    {PRODUCT "'do':{'delete':'k:{name|split:,}'}", "E209", "name|split:,", "{name[]|split:...}",
     NULL},
    {PRODUCT "'do':{'delete':'k:{name[]|split:,|split:;}'}", "E209", "name[]|split:,|split:;",
     "a second split", NULL},
    /* danger */
    {PRODUCT "'do':{'purge':'*'}", "E301", "\"*\"", "every key of cache \"default\" (myapp:1:*)",
     NULL},
    {PRODUCT "'do':{'purge':'ab*'}", "E301", "\"ab*\"", "fewer than 3 literal", NULL},
    {PRODUCT "'do':{'purge':'a?cdef'}", "E301", "\"a?cdef\"", "far too many", NULL},
    {PRODUCT "'do':{'purge':'u{pk}*'}", "E301", "\"u{pk}*\"", "far too many", NULL},
    {PRODUCT "'cache':'wide','do':{'purge':'*'}", "E301", "\"*\"", "every key", NULL},
    {PRODUCT "'do':{'purge':{'pattern':'*','allow':'broad'}}", "E301", "\"*\"", "every key", NULL},
    {PRODUCT "'do':{'purge':'celery-task*'}", "E302", "\"celery-task*\"", "\"celery*\"", NULL},
    {PRODUCT "'do':{'purge':'django.contrib.sessions.cache*'}", "E302",
     "\"django.contrib.sessions.cache*\"", "protected", NULL},
    {PRODUCT "'do':{'purge':'job:*:lock'}", "E302", "\"job:*:lock\"", "\"*:lock\"", NULL},
    {PRODUCT "'cache':'key','do':{'purge':'products*'}", "E302", "\"products*\"", "protected",
     NULL},
    {WRITTEN "'do':{'refresh':{'key':'k{pk}','value':1}}", "E303", "{", "needs \"ttl\"", NULL},
    {WRITTEN "'cache':'bare','do':{'refresh':{'key':'k{pk}','value':1,'ttl':'1h'}}", "E304",
     "\"refresh\"", "declares no \"serializer\"", NULL},
    {PRODUCT "'do':{'purge':'abc{pk}:*['}", "E107", "\"abc{pk}:*[\"", "no key can match", NULL},
    {PRODUCT "'do':{'purge':'abc[]{pk}:*'}", "E107", "\"abc[]{pk}:*\"", "no key can match", NULL},
    {PRODUCT "'do':{'purge':'{category_id}:*'}", "E305", "{category_id}", "begins with", NULL},
    {PRODUCT "'do':{'purge':'abc\\\\{category_id}:*'}", "E305", "{category_id}", "lone backslash",
     NULL},
    {PRODUCT "'do':{'purge':'abc[a-{category_id}]:*'}", "E305", "{category_id}", "inside []", NULL},
    {PRODUCT "'do':{'delete':{'key':'k','again_after':'61s'}}", "E306", "\"61s\"", "at most 60s",
     NULL},
    {PRODUCT "'cache':'bare','do':{'delete':{'key':'k','unlock':true}}", "E307", "\"unlock\"",
     "no \"lock_suffix\"", NULL},
    {WRITTEN "'do':{'refresh':{'key':'k{pk}:{{','value':1,'ttl':'1h'}}", "E308", "\"k{pk}:{{\"",
     "no hash tag", NULL},
    {PRODUCT "'do':{'delete':{'key':'{{}}{pk}','guard':'{version}'}}", "E308", "\"{{}}{pk}\"",
     "no hash tag", NULL},
    {PRODUCT "'cache':'hash','do':{'purge':'products:*'}", "E309", "\"products:*\"",
     "its key_function hashes them", NULL},
    /* warnings */
    {"'when':{'model':'shop.Product','changed':['price']},'do':{'delete':['k:1','{pk}']}},{'name':'"
     "s',"
     "'when':{'changed':'price','model':'shop.Product'}, "
     "'do':{'delete':['k:1','{pk}']}},{'name':'t',"
     "'when':{'model':'a.B'}" DELETE,
     "W402", "\"s\"", "rule \"r\" (rules.json:1) does all of this", NULL},
    {PRODUCT "'do':{'delete':['k:1','{pk}']}},{'name':'s'," PRODUCT
             "'do':{'delete':['k:1','{pk}']}},{'name':'t'," PRODUCT
             "'mode':'shadow','do':{'delete':'k:1'}",
     "W401", "\"s\"", "the same as rule \"r\" (first at rules.json:1)", NULL},
    {PRODUCT "'do':{'delete':['k:{pk}','l']}},{'name':'s','when':{'model':'shop.Product',"
             "'op':'update','after.name':'x'},'do':{'delete':'l'}",
     "W402", "\"s\"", "does all of this", NULL},
    {"'when':{'model':'shop.Product','op':'update'},'do':{'delete':'l'}},{'name':'s'," PRODUCT
     "'do':{'delete':'l'}",
     "W402", "\"r\"", "rule \"s\"", NULL},
    {PRODUCT "'do':{'delete':'k:{pk}:a','purge':'k:{pk}:*'}", "W403", "\"delete\"",
     "\"k:{pk}:a\" is deleted by the purge \"k:{pk}:*\"", NULL},
    {"'when':{'op':'update','created':true}" DELETE, "W404", "\"when\"", "contradicts \"op\"",
     NULL},
    {"'when':{'m2m.field':'tags'}" DELETE, "W404", "\"when\"", "\"op\": \"m2m\"", NULL},
    {"'when':{'after.price':{'numeric':['>',5,'<',5]}}" DELETE, "W404", "\"when\"",
     "no number lies in that range", NULL},
    {"'when':{'source':'a','model':'a.B'},'unless':{'source':['b','a']}" DELETE, "W404", "\"when\"",
     "stops all", NULL},
    {"'when':{'op':'update','$or':[{'op':'create'},{'op':'delete'}]}" DELETE, "W404", "\"when\"",
     "different ops", NULL},
    {PRODUCT "'do':{'purge':'k:{pk}'}", "W407", "\"k:{pk}\"", "walks the whole database", NULL},
    {PRODUCT "'do':{'purge':'list:[123]:x'}", "W407", "\"list:[123]:x\"", "that can be named",
     NULL},
    {PRODUCT "'do':{'expire':{'pattern':'list:{pk}','ttl':'1s'}}", "W407", "\"list:{pk}\"",
     "that can be named", NULL},
    {"'when':{'model':'shop.Product','pk':[1,'42']}" DELETE, "W412", "\"42\"", "never equals",
     NULL},
    {"'when':{'model':'shop.Product','after.category_id':'3'}" DELETE, "W412", "\"3\"",
     "never equals", NULL},
    {WRITTEN "'do':{'refresh':{'key':'k{pk}','value':1,'ttl':'1h','guard':false}}", "W405",
     "\"guard\"", "without a guard", NULL},
    {WRITTEN "'do':{'refresh':{'key':'k','value':1,'ttl':'1h'}}", "W405", "\"k\"", "without {pk}",
     NULL},
    {PRODUCT "'do':{'delete':{'key':'k','unlock':true}}", "W406", "\"unlock\"",
     "without \"again_after\"", NULL},
    {"'when':{'op':'update'},'do':{'refresh':{'key':'k{pk}','value':{'p':'x {after.Card_no}'},"
     "'ttl':'1h'}}",
     "W408", "{after.Card_no}", "everybody who reads", NULL},
    {PRODUCT "'do':{'refresh':{'key':'k{pk}','value':1,'ttl':'1h'}}", "W413", "\"refresh\"",
     "does nothing on delete", NULL},
    {PRODUCT "'do':{'delete':'p:{version}'}", "W414", "{version}", "the event's own", NULL},
    {"'when':{'op':'updaet'}" DELETE, "W415", "\"updaet\"", "near to one", "update"},
};

START_TEST(one_finding_at_its_place)
{
    struct loaded loaded;
    const struct diagnostic *d;
    char text[2048];

    snprintf(text, sizeof(text), "%s%s%s", HEAD, refused[_i].rule, TAIL);
    loaded_init(&loaded);
    loaded_read(&loaded, text);
    ck_assert_msg(loaded.found.nr == 1, "%s: %zu findings", refused[_i].rule, loaded.found.nr);
    d = &loaded.found.items[0];
    ck_assert_str_eq(d->code, refused[_i].code);
    ck_assert_int_eq(d->severity, refused[_i].code[0] == 'E' ? SEVERITY_ERROR : SEVERITY_WARNING);
    ck_assert_msg((loaded.set == NULL) == (d->severity == SEVERITY_ERROR), "%s", refused[_i].rule);
    loaded_assert(loaded_underlined(d), loaded_quoted(&loaded, refused[_i].underlined),
                  refused[_i].rule);
    ck_assert_msg(strstr(arena_text(&loaded.arena, d->message), refused[_i].message) != NULL,
                  "%s: %.*s", refused[_i].rule, SLICE_ARG(d->message));
    loaded_assert(d->suggestion, slice_of(refused[_i].suggestion), refused[_i].rule);
    loaded_release(&loaded);
}
END_TEST

static const struct {
    const char *file;
    const char *code;
    unsigned line, column, end_column;
    const char *message;
} files[] = {
    {"{'version':1,\n'rules':[,]}", "E101", 2, 10, 11, "expected a value, not ,"},
    {"{'version':1,\r\n\t'rules':[{'name':'x' 'when':1}]}", "E101", 2, 23, 24,
     "expected \",\" or \"}\", not \""},
    {"\xef\xbb\xbf{'version':2,'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}", "E105", 1,
     12, 13, "is 1, the only one"},
    {"[]", "E103", 1, 1, 3, "a rule file is an object"},
    {" 'x'", "E103", 1, 2, 5, "a rule file is an object"},
    {"{'version':1,'version':1,'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}", "E102", 1,
     14, 23, "duplicate member \"version\" (first on line 1)"},
    {"{'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}", "E104", 1, 1, 2,
     "the file needs \"version\""},
    {"{'version':1}", "E104", 1, 1, 2, "there is no rule in this file"},
    {"{'version':1,'rule':[],'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}", "E201", 1, 14,
     20, "unknown member \"rule\" in a rule file"},
    {"{'version':99999999999999999999}", "E101", 1, 12, 32, "does not fit 64 bits"},
    {"{'version':1,'caches':{'c':{'keys':'raw','prefix':'app:'},'default':{}},'rules':["
     "{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}",
     "W409", 1, 51, 57, "Django's keys begin \"app:1:\""},
    {"{'version':1,'caches':{'default':{'key_function':'{prefix}{key}'}},'rules':[{'name':'r'"
     "," PRODUCT "'do':{'delete':'k'}}]}",
     "E105", 1, 35, 49, "have a key function"},
    {"{'version':1,'caches':{'default':{'keys':'django','key_function':'{key}{key}'}},'rules':["
     "{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}",
     "E105", 1, 66, 78, "{version} and one {key}"},
    {"{'version':1,'caches':{'default':{'keys':'django','key_function':'{pk}{key}'}},'rules':["
     "{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}",
     "E105", 1, 66, 77, "{version} and one {key}"},
    {"{'version':1,'caches':{'default':{'i18n':['.en']}},'rules':[{'name':'r'," PRODUCT
     "'do':{'delete':'k'}}]}",
     "E105", 1, 43, 48, "without dots around it"},
    {"{'version':1,'caches':{'default':{'prefix':'{x|nope}'}},'rules':[{'name':'r'," PRODUCT
     "'do':{'delete':'k'}}]}",
     "E204", 1, 48, 52, "unknown filter"},
};

START_TEST(one_finding_in_a_file)
{
    struct loaded loaded;
    const struct diagnostic *d;

    loaded_init(&loaded);
    loaded_read(&loaded, files[_i].file);
    ck_assert_uint_ge(loaded.found.nr, 1);
    d = &loaded.found.items[0];
    ck_assert_str_eq(d->code, files[_i].code);
    ck_assert_uint_eq(d->line, files[_i].line);
    ck_assert_uint_eq(d->column, files[_i].column);
    ck_assert_uint_eq(d->end_column, files[_i].end_column);
    ck_assert_msg(strstr(arena_text(&loaded.arena, d->message), files[_i].message) != NULL, "%.*s",
                  SLICE_ARG(d->message));
    loaded_release(&loaded);
}
END_TEST

/* Near to a warning, and none. */
static const char *const fine[] = {
    PRODUCT "'do':{'delete':'k:{category_id}','purge':'k:{pk}:*'}",
    PRODUCT "'do':{'delete':{'key':'k:1','again_after':'1s'},'purge':'k:1*'}",
    PRODUCT "'do':{'purge':['list:[^a]','list:[a-c]','list:?','list:{name[]}*','a\\\\*bc']}",
    PRODUCT "'do':{'delete':'l'}},{'name':'s','when':{'model':'shop.Product','op':'m2m'},"
            "'do':{'delete':'l'}",
    PRODUCT
    "'unless':{'source':'x'},'do':{'delete':'l'}},{'name':'s','when':{'model':'shop.Product',"
    "'op':'update'},'do':{'delete':'l'}",
    PRODUCT "'mode':'shadow','do':{'delete':'l'}},{'name':'s','when':{'model':'shop.Product',"
            "'op':'update'},'do':{'delete':'l'}",
    PRODUCT
    "'do':{'bump':{'key':'v','to':'increment'}}},{'name':'s','when':{'model':'shop.Product',"
    "'op':'update'},'do':{'bump':{'key':'v','to':'increment'}}",
    PRODUCT "'do':{'delete':{'fragment':'f','vary':['{pk}','{name}']}}},{'name':'s',"
            "'when':{'model':'shop.Product','op':'update'},'do':{'delete':{'fragment':'g','vary':["
            "'{pk}']}}",
    "'when':{'after.price':{'numeric':['>=',5,'<=',5]}}" DELETE,
    "'when':{'m2m.field':{'exists':false}}" DELETE,
    "'when':{'model':'shop.Product','pk':'p-42','after.name':'7'}" DELETE,
};

START_TEST(nothing_to_warn_about)
{
    struct loaded loaded;
    char text[2048];

    snprintf(text, sizeof(text), "%s%s%s", HEAD, fine[_i], TAIL);
    loaded_init(&loaded);
    loaded_need(&loaded, text);
    ck_assert_msg(loaded.found.nr == 0, "%s: %.*s", fine[_i],
                  SLICE_ARG(loaded.found.items[0].message));
    loaded_release(&loaded);
}
END_TEST

START_TEST(a_broken_rule_is_not_warned_about)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_read(&loaded, HEAD PRODUCT
                "'do':{'delete':[{'key':'k','unlock':true},'{nope}']}},{'name':'q'," PRODUCT
                "'do':{'delete':{'key':'k','unlock':true}}}]}");
    ck_assert_uint_eq(loaded.found.errors, 1);
    ck_assert_uint_eq(loaded.found.warnings, 1);
    loaded_release(&loaded);
}
END_TEST

static Suite *refused_suite(void)
{
    Suite *suite = suite_create("refused");
    TCase *tcase = tcase_create("refused");

    tcase_add_loop_test(tcase, one_finding_at_its_place, 0, ARRAY_NR(refused));
    tcase_add_loop_test(tcase, one_finding_in_a_file, 0, ARRAY_NR(files));
    tcase_add_loop_test(tcase, nothing_to_warn_about, 0, ARRAY_NR(fine));
    tcase_add_test(tcase, a_broken_rule_is_not_warned_about);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(refused_suite)
