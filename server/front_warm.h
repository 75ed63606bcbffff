/*
 * front_warm - what a front does before it is asked, so that the first who asks need not wait for
 * it.
 *
 * At its start the catalogs are opened: whoever comes next would have to. ICU, which only text
 * beyond ASCII needs, follows once the start is over.
 */
#ifndef SOUK_SERVER_FRONT_WARM_H
#define SOUK_SERVER_FRONT_WARM_H

struct front;

/* Opens the catalogs of the data directory, for about 10 ms at most; the rest opens when asked for.
 * One that cannot be opened says why to who asks for it. */
void front_warm_catalogs(struct front *f);
/* Called with each beat: opens ICU at the tenth. */
void front_warm_later(struct front *f);

#endif
