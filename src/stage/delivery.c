#include "stage/delivery.h"

#include <stdlib.h>

#define MAX_IDLE 64

ecam_delivery *ecam_delivery_take(ecam_delivery_desk *desk)
{
    ecam_delivery *delivery = desk->idle;

    if (delivery) {
        desk->idle = delivery->next;
        desk->n_idle--;
    } else {
        delivery = calloc(1, sizeof *delivery);
        if (!delivery)
            return NULL;
        ecam_parts_init(&delivery->parts);
        ecam_arena_init(&delivery->arena, ECAM_HEADER_LIMIT);
        delivery->desk = desk;
    }
    delivery->references = 1;
    delivery->samples = delivery->overwritten = 0;
    delivery->sender = NULL;
    delivery->run = NULL;
    return delivery;
}

void ecam_delivery_filled(ecam_delivery *delivery)
{
    delivery->bytes = ecam_parts_bytes(&delivery->parts);
    delivery->desk->bytes_out += delivery->bytes;
}

ecam_delivery *ecam_delivery_ref(ecam_delivery *delivery)
{
    delivery->references++;
    return delivery;
}

void ecam_delivery_unref(ecam_delivery **handle)
{
    ecam_delivery *delivery = *handle;

    *handle = NULL;
    if (!delivery || --delivery->references > 0)
        return;
    ecam_delivery_desk *desk = delivery->desk;
    desk->bytes_out -= delivery->bytes;
    delivery->bytes = 0;
    ecam_hold_release(&delivery->hold);
    ecam_parts_finish(&delivery->parts);
    ecam_arena_reset(&delivery->arena);
    if (desk->n_idle < MAX_IDLE) {
        delivery->next = desk->idle;
        desk->idle = delivery;
        desk->n_idle++;
        return;
    }
    ecam_arena_finish(&delivery->arena);
    free(delivery);
}

void ecam_delivery_desk_finish(ecam_delivery_desk *desk)
{
    while (desk->idle) {
        ecam_delivery *delivery = desk->idle;
        desk->idle = delivery->next;
        ecam_arena_finish(&delivery->arena);
        free(delivery);
    }
    desk->n_idle = 0;
}
