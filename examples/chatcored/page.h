/*
 * The web page to chat in: page/ holds its source and its bundled script, embed.py puts both into
 * the program.
 */
#ifndef CHATCORED_PAGE_H
#define CHATCORED_PAGE_H

#include <chatcore/gateway.h>

extern const struct cc_slice page_index_html;
extern const struct cc_slice page_chat_css;
extern const struct cc_slice page_chat_js;

#define PAGE_ROUTES 3

void page_routes(struct cc_http_route routes[PAGE_ROUTES]);

#endif
