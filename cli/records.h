/*
 * records - products of a .jsonl or .csv file, one after the other, with their line numbers.
 */
#ifndef SOUK_CLI_RECORDS_H
#define SOUK_CLI_RECORDS_H

#include "cli/json.h"
#include "cli/source.h"

enum { CSV_COLUMNS = 1024 };

/* What parts the cells of a header line: ',', ';' or tab, whichever it holds most of outside
 * quotes. */
char csv_separator(struct slice header);
/* Where in its record a text ends: before a cell, in one, in a quoted one, behind its quote,
 * behind more than that. */
enum csv_place { CSV_CELL, CSV_PLAIN, CSV_QUOTED, CSV_CLOSED, CSV_BROKEN };
/* Passes over a line of a record, in front of which stood `place`. CSV_QUOTED: the record goes on
 * with the next line. */
enum csv_place csv_pass(enum csv_place place, struct slice line, char separator);
/*
 * One record of a CSV file (RFC 4180) into texts of the arena. AGAIN: a quoted cell is
 * not closed. SYNTAX: bytes behind a closing quote.
 */
enum status csv_record(struct slice text, char separator, struct arena *a, struct slice *cells,
                       uint32_t *count, struct fault *fault);
/* A cell as a value: number, true/false, else text. Digits with a leading zero stay text. */
void csv_value(struct slice cell, struct json *out);

struct records;

/* Takes the source over. */
enum status records_open(struct source *s, bool csv, struct records **out, struct fault *fault);
/* How much of the input was read, 0 to 1. */
double records_part(const struct records *r);
void records_close(struct records *r);
/*
 * The next product, in arena `a`. END behind the last. SYNTAX, BAD_UTF8, TOO_DEEP, TOO_LARGE: this
 * record is bad (line and column in the fault), go on with the next; everything else ends the file.
 */
enum status records_next(struct records *r, struct arena *a, struct json **out, uint32_t *line,
                         struct fault *fault);
/* Was this failure one of the record alone? */
bool records_may_go_on(enum status s);

#endif
