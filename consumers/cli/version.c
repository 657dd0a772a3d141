#include "consumers/cli/version.h"

#include <jansson.h>

#include "consumers/event/decode.h"
#include "consumers/kafka/admin.h"
#include "consumers/redis/probe.h"
#include "consumers/service/http.h"

void version_print(FILE *out)
{
    char features[1024], yyjson[32];

    kafka_library_features(features, sizeof(features));
    decode_library_version(yyjson, sizeof(yyjson));
    fprintf(out, "unstale %s\n", UNSTALE_VERSION);
    fprintf(out, "librdkafka %s (%s)\n", kafka_library_version(), features);
    fprintf(out, "hiredis %s\n", redis_library_version());
    fprintf(out, "yyjson %s\n", yyjson);
    fprintf(out, "jansson %s\n", jansson_version_str());
    fprintf(out, "libmicrohttpd %s\n", http_library_version());
}
