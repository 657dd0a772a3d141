/*
 * rules_folder - a folder of rule files and settings that name it, for the tests of this room.
 */
#ifndef TESTS_UNIT_SERVICE_RULES_FOLDER_H
#define TESTS_UNIT_SERVICE_RULES_FOLDER_H

#include "consumers/service/settings.h"

struct rules_folder {
    char path[64];
    struct settings *settings; /* with this folder as their rules */
};

/* One rule with this name, key and extra members, such as `"mode":"shadow",` or "". */
#define RULES_ONE(name, extra, key)                                                                \
    "{\"version\":1,\"rules\":[{\"name\":\"" name "\"," extra                                      \
    "\"when\":{\"model\":\"m\"},\"do\":{\"delete\":\"" key "\"}}]}"

void rules_folder_init(struct rules_folder *folder);
void rules_folder_release(struct rules_folder *folder);

/* Writes FOLDER/name; text NULL removes it. */
void rules_folder_write(const struct rules_folder *folder, const char *name, const char *text);

#endif
