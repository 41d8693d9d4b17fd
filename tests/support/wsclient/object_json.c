/* JSON objects of the server, through jansson: see object.h. */
#include "object.h"

#include <jansson.h>

static struct wsc_slice text_of(const json_t *value)
{
    struct wsc_slice text = {json_string_value(value), json_string_length(value)};
    return text;
}

static void set_member(struct wsc_fields *fields, const char *name, const json_t *value)
{
    const struct wsc_field *field = wsc_field_find(name, strlen(name));
    if (!field)
        return;
    void *at = (char *)fields + field->offset;
    if (field->type == WSC_FIELD_NUMBER && json_is_integer(value))
        *(uint64_t *)at = (uint64_t)json_integer_value(value);
    else if (field->type == WSC_FIELD_NUMBER && json_is_boolean(value))
        *(uint64_t *)at = json_is_true(value);
    else if (field->type == WSC_FIELD_TEXT && json_is_string(value))
        *(struct wsc_slice *)at = text_of(value);
    else if (field->type == WSC_FIELD_IDENT && json_is_string(value))
        wsc_ident_set_text(at, text_of(value));
}

static void set_members(struct wsc_fields *fields, json_t *map)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value) set_member(fields, name, value);
}

static void read_list(struct wsc_decoder *decoder, const json_t *array, struct wsc_object *object)
{
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        struct wsc_fields *slot = wsc_decoder_list_slot(decoder, index);
        if (json_is_object(item))
            set_members(slot, item);
    }
    object->list = decoder->list;
    object->list_count = json_array_size(array);
}

/* The inner map; its one array of maps, if it has one, becomes the list. */
static void read_inner(struct wsc_decoder *decoder, json_t *map, struct wsc_object *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
            read_list(decoder, value, object);
        else
            set_member(&object->f, name, value);
    }
}

static int read_outer(struct wsc_decoder *decoder, json_t *root, struct wsc_object *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "id") == 0 && json_is_integer(value)) {
            object->id = (uint64_t)json_integer_value(value);
        } else if (json_is_object(value)) {
            object->key_name = wsc_text(name);
            object->key = wsc_key_find(name, strlen(name));
            read_inner(decoder, value, object);
        }
    }
    return object->key_name.data ? 0 : -1;
}

long wsc_decode_json(struct wsc_decoder *decoder, const uint8_t *data, size_t size,
                     struct wsc_object *ret_object)
{
    json_error_t error;
    wsc_decoder_release(decoder);
    json_t *root = json_loadb((const char *)data, size, JSON_DISABLE_EOF_CHECK, &error);
    if (!root)
        return -1;
    decoder->json_root = root;
    *ret_object = (struct wsc_object){0};
    if (read_outer(decoder, root, ret_object) < 0)
        return -1;
    size_t taken = (size_t)error.position;
    while (taken < size && (data[taken] == '\n' || data[taken] == ' '))
        taken++;
    return (long)taken;
}

void wsc_decoder_release(struct wsc_decoder *decoder)
{
    json_decref(decoder->json_root);
    decoder->json_root = NULL;
}
