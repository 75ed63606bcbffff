/* LOG_READ and COPY_READ go to the replica process, PROMOTE to the writer. */
#include "server/front.h"

enum status handle_replica(struct front *f, struct request *rq, struct fault *fault)
{
    (void)fault;
    return front_forward_to(f, rq, f->replica);
}

enum status handle_promote(struct front *f, struct request *rq, struct fault *fault)
{
    (void)fault;
    return front_forward(f, rq);
}
