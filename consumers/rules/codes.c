#include "consumers/rules/codes.h"

#include "consumers/base/compiler.h"

static const struct code codes[] = {
    {"E101", "the file cannot be read or is not JSON"},
    {"E102", "a member stands twice in one object"},
    {"E103", "a value of the wrong type"},
    {"E104", "a member that must be there is missing"},
    {"E105", "a value that is not allowed here"},
    {"E106", "a rule, cache, model or default is defined twice"},
    {"E107", "a malformed pattern"},
    {"E110", "a brace in a template that opens or closes nothing"},
    {"E111", "a placeholder that is empty or malformed"},
    {"E201", "an unknown member, field or verb"},
    {"E202", "an unknown cache or model"},
    {"E203", "an unknown operator"},
    {"E204", "an unknown filter"},
    {"E205", "a field that the model does not have"},
    {"E206", "a row that this op does not have: before on create, after on delete"},
    {"E207", "a literal of a type that the field never has"},
    {"E208", "a second [] in one template"},
    {"E209", "an argument that a filter does not take"},
    {"E210", "a member of a name that has none"},
    {"E301", "a purge that would delete far more than meant"},
    {"E302", "a pattern inside a protected prefix"},
    {"E303", "a refresh without ttl"},
    {"E304", "a refresh into a cache that declares no serializer"},
    {"E305", "a pattern that begins with a placeholder"},
    {"E306", "again_after longer than 60 seconds"},
    {"E307", "unlock in a cache that declares no lock_suffix"},
    {"E308", "a guard on a key whose braces are no hash tag"},
    {"E309", "a refresh into a cache whose serializer cannot be written"},
    {"E310", "a test of the rules fails"},
    {"W405", "a refresh without guard: an older value can overwrite a newer one"},
    {"W406", "unlock without again_after"},
    {"W408", "a sensitive field in what a refresh writes"},
    {"W409", "a raw cache whose prefix looks like Django's without the version"},
    {"W413", "a refresh in a rule that matches deletes, where it does nothing"},
    {"W414", "a placeholder that is not the row's field of that name"},
    {"W415", "an op that is close to a known one"},
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
