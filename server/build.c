#include "server/build.h"

#include <stdio.h>

#include "index/meta.h"
#include "index/segment_format.h"
#include "index/text.h"
#include "server/log_record.h"

#ifdef SOUK_FAULT_OTHER_BUILD /* a test build that no leader and no follower of this one takes */
enum { INDEX_FORMAT = SEGMENT_FORMAT + 1 };
#else
enum { INDEX_FORMAT = SEGMENT_FORMAT };
#endif

void build_name(char out[BUILD_NAME])
{
    const unsigned one = 1;
    snprintf(out, BUILD_NAME, "index %d.%d, records %d, text %s, %s-endian", META_FORMAT,
             INDEX_FORMAT, LOG_STREAM, text_version(), *(const char *)&one ? "little" : "big");
}
