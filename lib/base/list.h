/*
 * An intrusive list: a ring of links through its head. A link that is zeroed or has been removed is
 * in no list.
 */
#ifndef CC_BASE_LIST_H
#define CC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *next;
    struct list_link *previous;
};

/* From a member back to its struct. */
#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list {
    struct list_link head;
};

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.previous = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_is_linked(const struct list_link *link)
{
    return link->next != NULL;
}

/* Adds a link that is in no list before one that is in one, which may be the head: then as the last
 * one. */
static inline void list_add_before(struct list_link *next, struct list_link *link)
{
    link->next = next;
    link->previous = next->previous;
    link->previous->next = link;
    next->previous = link;
}

/* Adds a link that is in no list, as the last one. */
static inline void list_add(struct list *list, struct list_link *link)
{
    list_add_before(&list->head, link);
}

/* Does nothing when it is in no list. */
static inline void list_remove(struct list_link *link)
{
    if (!link->next)
        return;
    link->next->previous = link->previous;
    link->previous->next = link->next;
    link->next = NULL;
    link->previous = NULL;
}

/* The first link, or NULL. */
static inline struct list_link *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

/* The one after `link`, or NULL. */
static inline struct list_link *list_next(const struct list *list, const struct list_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

#endif
