/*
 * The web page of --dev, put into a C file at build time (embed.py).
 */
#ifndef CHATCORED_PAGE_H
#define CHATCORED_PAGE_H

#include <stddef.h>

extern const char page_html[];
extern const size_t page_html_size;

/* The Content-Security-Policy that allows what is in the page, and nothing else. */
extern const char page_policy[];

#endif
