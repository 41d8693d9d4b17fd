/*
 * Serving the page's files, with headers that let it load from its own host alone, and run no
 * script and no style but its own two files.
 */
#include "page.h"

struct page_file {
    const char *path;
    const char *type;
    const struct cc_slice *bytes;
};

static const struct page_file files[PAGE_ROUTES] = {
    {"/", "text/html; charset=utf-8", &page_index_html},
    {"/chat.css", "text/css; charset=utf-8", &page_chat_css},
    {"/chat.js", "text/javascript; charset=utf-8", &page_chat_js},
};

/* blob: and data: are pictures about to be sent, and the empty icon. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void serve(void *context, const struct cc_http_request *request,
                  struct cc_http_response *response)
{
    const struct page_file *file = context;

    (void)request;
    cc_http_response_type(response, file->type);
    cc_http_response_header(response, "Content-Security-Policy", policy);
    cc_http_response_header(response, "Referrer-Policy", "no-referrer");
    cc_http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    cc_http_response_header(response, "Permissions-Policy",
                            "camera=(), geolocation=(), microphone=()");
    cc_http_response_write(response, *file->bytes);
}

void page_routes(struct cc_http_route routes[PAGE_ROUTES])
{
    for (size_t i = 0; i < PAGE_ROUTES; i++)
        routes[i] =
            (struct cc_http_route){"GET", files[i].path, serve, (void *)(uintptr_t)&files[i]};
}
