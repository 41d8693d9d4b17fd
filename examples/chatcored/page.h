/*
 * The web page to chat in: page/ holds its source and its bundled script, embed.py puts both into
 * the program.
 */
#ifndef CHATCORED_PAGE_H
#define CHATCORED_PAGE_H

#include <chatcore/gateway.h>

/* A file in one coding. */
struct page_body {
    struct cc_slice bytes;
    const char *etag; /* with its quotes; another for other bytes */
};

struct page_asset {
    struct page_body plain;
    struct page_body packed; /* gzip */
};

extern const struct page_asset page_index_html;
extern const struct page_asset page_chat_css;
extern const struct page_asset page_chat_js;
extern const struct page_asset page_sw_js;
extern const struct page_asset page_manifest_webmanifest;
extern const struct page_asset page_icon_svg;

#define PAGE_ROUTES 6

struct page_route {
    const struct page *page;
    const struct page_file *file;
};

/* The routes look at it as long as they are used. */
struct page {
    char policy[1024];
    struct page_route routes[PAGE_ROUTES];
};

/* What the page may load besides its own files: pictures from `cdn`, and pictures and uploads from
 * `public_url`; each an http or https URL, or NULL. False: one is none, or is too long. */
bool page_init(struct page *page, const char *cdn, const char *public_url);
void page_routes(struct page *page, struct cc_http_route routes[PAGE_ROUTES]);

#endif
