#include "base/table.h"

#include <stdlib.h>
#include <string.h>

struct ecam_table_entry {
    ecam_table_entry *next;
    void *value;
    uint64_t hash;
    size_t key_bytes;
    unsigned char key[];
};

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(const void *key, size_t size)
{
    const unsigned char *at = key;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The link that points to the entry, or to where it would be appended. */
static ecam_table_entry **find(const ecam_table *table, const void *key, size_t key_bytes,
                               uint64_t hash)
{
    ecam_table_entry **link = &table->buckets[hash & (table->n_buckets - 1)];
    while (*link && !((*link)->hash == hash && (*link)->key_bytes == key_bytes &&
                      memcmp((*link)->key, key, key_bytes) == 0))
        link = &(*link)->next;
    return link;
}

void *ecam_table_get(const ecam_table *table, const void *key, size_t key_bytes)
{
    if (table->n_buckets == 0)
        return NULL;
    ecam_table_entry *entry = *find(table, key, key_bytes, hash_bytes(key, key_bytes));
    return entry ? entry->value : NULL;
}

static ecam_status grow(ecam_table *table)
{
    size_t n = table->n_buckets ? 2 * table->n_buckets : 16;
    ecam_table_entry **buckets = calloc(n, sizeof(*buckets));
    if (!buckets)
        return ECAM_ENOMEM;

    for (size_t i = 0; i < table->n_buckets; i++) {
        while (table->buckets[i]) {
            ecam_table_entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            entry->next = buckets[entry->hash & (n - 1)];
            buckets[entry->hash & (n - 1)] = entry;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->n_buckets = n;
    return ECAM_OK;
}

ecam_status ecam_table_put(ecam_table *table, const void *key, size_t key_bytes, void *value)
{
    if (table->count >= table->n_buckets && grow(table) != ECAM_OK)
        return ECAM_ENOMEM;

    uint64_t hash = hash_bytes(key, key_bytes);
    ecam_table_entry **link = find(table, key, key_bytes, hash);
    if (!*link) {
        ecam_table_entry *entry = malloc(sizeof *entry + key_bytes);
        if (!entry)
            return ECAM_ENOMEM;
        *entry = (ecam_table_entry){.hash = hash, .key_bytes = key_bytes};
        if (key_bytes != 0)
            memcpy(entry->key, key, key_bytes);
        *link = entry;
        table->count++;
    }
    (*link)->value = value;
    return ECAM_OK;
}

void *ecam_table_take(ecam_table *table, const void *key, size_t key_bytes)
{
    if (table->n_buckets == 0)
        return NULL;
    ecam_table_entry **link = find(table, key, key_bytes, hash_bytes(key, key_bytes));
    ecam_table_entry *entry = *link;
    if (!entry)
        return NULL;
    void *value = entry->value;
    *link = entry->next;
    free(entry);
    table->count--;
    return value;
}

void ecam_table_each(const ecam_table *table, void (*visit)(void *value, void *context),
                     void *context)
{
    for (size_t i = 0; i < table->n_buckets; i++)
        for (ecam_table_entry *entry = table->buckets[i]; entry; entry = entry->next)
            visit(entry->value, context);
}

void ecam_table_finish(ecam_table *table, void (*release)(void *value))
{
    for (size_t i = 0; i < table->n_buckets; i++) {
        while (table->buckets[i]) {
            ecam_table_entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            if (release)
                release(entry->value);
            free(entry);
        }
    }
    free(table->buckets);
    *table = (ecam_table){0};
}
