/*
 * bench_bytes - where the bytes of an edition lie: pages by table, and what is inside the segments.
 *
 *   bench_bytes DIR        one JSON object a line, bytes a living product
 *
 * "pages" is what LMDB takes for a table (branches, leaves, overflow), "payload" keys and values in
 * it; the difference is rounding to pages. Nothing may have the edition open.
 */
#include "bench_corpus.h"

#include "index/bitpack.h"
#include "index/deltas.h"
#include "index/index_private.h"
#include "index/segment_pack.h"
#include "index/segment_private.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_bytes: %s\n", what);
    exit(1);
}

/* --- LMDB ------------------------------------------------------------------------------------- */

struct table {
    char name[16];
    double pages, payload, rows;
};

static double pages_of(const MDB_stat *s)
{
    return (double)(s->ms_branch_pages + s->ms_leaf_pages + s->ms_overflow_pages) * s->ms_psize;
}

static uint32_t read_tables(const char *dir, struct table *out, double *all, double *free_bytes)
{
    static const char *const names[] = {"meta", "segments", "columns",  "facets",
                                        "live", "expiry",   "settings", "rows"};
    MDB_env *env;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_stat stat;
    MDB_envinfo info;
    MDB_cursor *c;
    MDB_val k, v;
    uint32_t n = 0;
    must(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 16) &&
             !mdb_env_open(env, dir, MDB_RDONLY, 0) && !mdb_txn_begin(env, NULL, MDB_RDONLY, &txn),
         "the edition cannot be opened");
    must(!mdb_env_info(env, &info) && !mdb_env_stat(env, &stat), "no figures");
    *all = (double)(info.me_last_pgno + 1) * stat.ms_psize;
    *free_bytes = 0;
    must(!mdb_cursor_open(txn, 0, &c), "free pages");
    while (!mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        size_t count;
        memcpy(&count, v.mv_data, sizeof count);
        *free_bytes += (double)count * stat.ms_psize;
    }
    mdb_cursor_close(c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct table *t = &out[n];
        if (mdb_dbi_open(txn, names[i], 0, &dbi) || mdb_stat(txn, dbi, &stat))
            continue;
        *t = (struct table){.pages = pages_of(&stat), .rows = (double)stat.ms_entries};
        snprintf(t->name, sizeof t->name, "%s", names[i]);
        must(!mdb_cursor_open(txn, dbi, &c), "a table");
        while (!mdb_cursor_get(c, &k, &v, MDB_NEXT))
            t->payload += (double)(k.mv_size + v.mv_size);
        mdb_cursor_close(c);
        n++;
    }
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return n;
}

/* --- lists ------------------------------------------------------------------------------------ */

struct lists {
    double count, postings, arrays, heads, deltas, tables, indexes, positions, occurrences,
        by_distinct[EVIDENCE_TABLE + 2];
    struct buf stream;
};

static void account_block(struct lists *l, const struct postings *p, uint32_t b, uint32_t count)
{
    const uint8_t *at =
        segment_bytes(p->segment, (uint64_t)p->off[b] + (p->df <= POSTINGS_BLOCK ? 4 : 0), 1);
    uint32_t distinct = at[0];
    uint32_t width = distinct > EVIDENCE_TABLE ? 8
                     : distinct > 1            ? 32 - (uint32_t)__builtin_clz(distinct - 1)
                                               : 0;
    l->heads += 1 + (double)deltas_head(count);
    l->deltas += (double)deltas_len(at + 1, count);
    l->tables += width == 8 ? 0 : distinct;
    l->indexes += (double)bitpack_len(count, width);
    l->by_distinct[distinct] += count;
}

static void account_list(struct lists *l, const struct postings *p, bool positions)
{
    struct postings_block block;
    l->count++;
    l->postings += p->df;
    if (p->df > POSTINGS_BLOCK)
        l->arrays += p->block_count * (positions ? 18.0 : 14.0) + 4;
    else if (p->df >= LIST_TINY)
        l->arrays += 4;
    for (uint32_t b = 0; b < p->block_count; b++) {
        struct wire_reader w;
        size_t stored;
        must(!postings_decode(p, b, &block), "a block");
        if (p->df >= LIST_TINY)
            account_block(l, p, b, block.count);
        else {
            uint32_t before = UINT32_MAX;
            for (uint32_t i = 0; i < block.count; i++) {
                uint32_t d = block.docs[i] - before - 1;
                l->deltas += 1 + (d >= 1 << 7) + (d >= 1 << 14) + (d >= 1 << 21);
                before = block.docs[i];
            }
            l->indexes += block.count;
        }
        if (!positions)
            continue;
        must(!postings_position_stream(p, b, block.evidence, &l->stream, &w, &stored), "positions");
        const uint8_t *at = w.at;
        for (uint32_t k = 0; k < block.count; k++)
            do
                l->occurrences++;
            while (wire_varint(&w) & 1);
        l->positions += stored ? (double)stored : (double)(w.at - at);
    }
}

static void print_lists(const char *name, const struct lists *l, double n)
{
    printf("{\"lists\":\"%s\",\"count\":%.0f,\"postings\":%.2f,\"arrays\":%.2f,\"heads\":%.2f,"
           "\"deltas\":%.2f,\"tables\":%.2f,\"indexes\":%.2f,\"positions\":%.2f,"
           "\"occurrences\":%.2f,\"by_distinct\":[",
           name, l->count, l->postings / n, l->arrays / n, l->heads / n, l->deltas / n,
           l->tables / n, l->indexes / n, l->positions / n, l->occurrences / n);
    for (int i = 1; i < EVIDENCE_TABLE + 2; i++)
        printf("%s%.2f", i > 1 ? "," : "", l->by_distinct[i] / n);
    printf("]}\n");
}

/* --- records ---------------------------------------------------------------------------------- */

struct records {
    double blocks, heads, ids, lengths, packed, plain, packed_count, plain_count, large,
        large_count;
    double beside; /* how many are packed beside another */
};

static void account_records(struct records *r, const struct segment *g)
{
    for (uint32_t i = 0; i < g->head.block_count; i++) {
        struct record_block b;
        must(!record_block_at(
                 g, segment_packed(g, g->head.block_off, g->head.bits[ARRAY_BLOCK_OFF], i), &b),
             "a block of records");
        r->blocks++;
        r->heads += 1;
        r->ids += (double)b.ids.len;
        r->lengths += (double)b.lengths.len;
        for (uint32_t k = 0; k < b.count; k++) {
            struct stored_record s;
            must(!record_of_block(&b, k, &s), "a record");
            r->beside += s.beside;
            if (s.packed) {
                r->packed += (double)s.bytes.len;
                r->packed_count++;
            } else if (!record_packs(s.bytes.len)) {
                r->large += (double)s.bytes.len;
                r->large_count++;
            } else {
                r->plain += (double)s.bytes.len;
                r->plain_count++;
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct table tables[8];
    double all, unused;
    if (argc != 2) {
        fprintf(stderr, "usage: bench_bytes DIR\n");
        return 2;
    }
    uint32_t table_count = read_tables(argv[1], tables, &all, &unused);
    struct index *ix;
    struct snapshot *s;
    struct fault fault = {0};
    bool stale;
    must(!index_open(argv[1], NULL, &ix, &stale, &fault), "the edition cannot be opened");
    must(!snapshot_create(ix, &s) && !snapshot_begin(s), "no snapshot");
    double n = snapshot_live_count(s), strings = 0, blob = 0, listed = 0;
    struct lists kinds[7] = {0}; /* tiny, one block, several, prefixes of 1, 2, 3 */
    struct records rec = {0};
    double arrays = 0, hash = 0, lcp = 0, tails = 0, ties = 0, sorted = 0, places = 0, offs = 0,
           prefix_table = 0, dead = 0;
    for (uint32_t i = 0; i < s->segment_count; i++) {
        const struct segment *g = s->segments[i];
        const struct segment_head *h = &g->head;
        for (uint32_t t = 0; t < h->term_count; t++) {
            struct postings p;
            struct slice text;
            must(!segment_term(g, t, &text) && !postings_open(g, t, &p), "a term");
            strings += (double)text.len + 1;
            account_list(&kinds[p.df < LIST_TINY ? 0 : p.df <= POSTINGS_BLOCK ? 1 : 2], &p, true);
        }
        for (uint32_t k = 0; k < h->prefix_count; k++) {
            struct segment_prefix p;
            const uint8_t *e = segment_bytes(g, h->prefix + k * segment_prefix_entry(h), 4);
            must(!segment_open_prefix(g, slice_make(e, strnlen((const char *)e, 3)), &p), "prefix");
            account_list(&kinds[2 + strnlen((const char *)e, 3)], &p.rest, false);
            prefix_table += segment_prefix_entry(h) + 4.0 * p.apart_count;
        }
        account_records(&rec, g);
        arrays +=
            h->term_count * (h->bits[ARRAY_STR_OFF] + h->bits[ARRAY_DF] + h->bits[ARRAY_PTR]) / 8.0;
        hash += h->hash_count * h->bits[ARRAY_HASH] / 8.0;
        lcp += h->term_count;
        tails += h->tail_count * h->bits[ARRAY_TAILS] / 8.0;
        ties += h->doc_count * 4.0;
        sorted += h->record_count * h->bits[ARRAY_SORTED] / 8.0;
        places += ((h->doc_count + 31) >> 5) * 12.0;
        offs += h->block_count * h->bits[ARRAY_BLOCK_OFF] / 8.0;
        dead += h->dead_count * 8.0;
        blob += (double)h->blob_len;
    }
    static const char *const names[] = {"tiny",     "one block", "blocks",
                                        "prefix 1", "prefix 2",  "prefix 3"};
    printf("{\"products\":%.0f,\"segments\":%u,\"file\":%.2f,\"free\":%.2f,\"used\":%.2f}\n", n,
           s->segment_count, all / n, unused / n, (all - unused) / n);
    for (uint32_t i = 0; i < table_count; i++)
        printf("{\"table\":\"%s\",\"rows\":%.0f,\"pages\":%.2f,\"payload\":%.2f}\n", tables[i].name,
               tables[i].rows, tables[i].pages / n, tables[i].payload / n);
    for (int i = 0; i < 6; i++) {
        print_lists(names[i], &kinds[i], n);
        listed += kinds[i].arrays + kinds[i].heads + kinds[i].deltas + kinds[i].tables +
                  kinds[i].indexes + kinds[i].positions;
    }
    double stored = rec.heads + rec.ids + rec.lengths + rec.packed + rec.plain + rec.large;
    printf("{\"records\":%.2f,\"blocks\":%.0f,\"ids\":%.2f,\"lengths\":%.2f,\"packed\":%.2f,"
           "\"packed_count\":%.0f,\"plain\":%.2f,\"plain_count\":%.0f,\"large\":%.2f,"
           "\"large_count\":%.0f,\"beside\":%.0f}\n",
           stored / n, rec.blocks, rec.ids / n, rec.lengths / n, rec.packed / n, rec.packed_count,
           rec.plain / n, rec.plain_count, rec.large / n, rec.large_count, rec.beside);
    double rest = arrays + hash + lcp + tails + ties + sorted + places + offs + prefix_table + dead;
    printf("{\"strings\":%.2f,\"term_arrays\":%.2f,\"hash\":%.2f,\"lcp\":%.2f,\"tails\":%.2f,"
           "\"ties\":%.2f,\"sorted\":%.2f,\"places\":%.2f,\"block_off\":%.2f,"
           "\"prefix_table\":%.3f,\"dead\":%.2f,\"blob\":%.2f,\"padding\":%.2f}\n",
           strings / n, arrays / n, hash / n, lcp / n, tails / n, ties / n, sorted / n, places / n,
           offs / n, prefix_table / n, dead / n, blob / n,
           (blob - listed - stored - strings - rest) / n);
    for (int i = 0; i < 7; i++)
        buf_fini(&kinds[i].stream);
    snapshot_destroy(&s);
    index_close(&ix);
    return 0;
}
