/* version - of this Souk, the same in every program, reply and page. */
#ifndef SOUK_PROTOCOL_VERSION_H
#define SOUK_PROTOCOL_VERSION_H

#define SOUK_VERSION "0.1.0" /* as in the project() of CMakeLists.txt: tests/docs.py compares */

#endif
