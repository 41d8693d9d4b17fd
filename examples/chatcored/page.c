/*
 * Serving the page's files, with headers that let it load from its own host alone (and media from
 * where the settings say that they are), and run no script and no style but its own files.
 */
#include "page.h"

#include <stdio.h>
#include <string.h>

/* Of a source in the policy: a host name has 253 bytes. */
#define ORIGIN_MAX 300

struct page_file {
    const char *path;
    const char *type;
    const struct cc_slice *bytes;
};

static const struct page_file files[PAGE_ROUTES] = {
    {"/", "text/html; charset=utf-8", &page_index_html},
    {"/chat.css", "text/css; charset=utf-8", &page_chat_css},
    {"/chat.js", "text/javascript; charset=utf-8", &page_chat_js},
    {"/sw.js", "text/javascript; charset=utf-8", &page_sw_js},
    {"/manifest.webmanifest", "application/manifest+json", &page_manifest_webmanifest},
    {"/icon.svg", "image/svg+xml", &page_icon_svg},
};

/* blob: are pictures about to be sent. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; connect-src 'self'%s; img-src 'self' blob:%s%s; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/* " https://host:port" of a URL, or nothing for none. A character that could end the source, or the
 * directive, makes it no URL. */
static bool source_of(const char *url, char ret_source[ORIGIN_MAX])
{
    const char *host;
    size_t size;

    ret_source[0] = '\0';
    if (!url || !url[0])
        return true;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return false;
    host = strstr(url, "://") + 3;
    size = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]");
    if (!size || (host[size] && host[size] != '/'))
        return false;
    size += (size_t)(host - url);
    return snprintf(ret_source, ORIGIN_MAX, " %.*s", (int)size, url) < ORIGIN_MAX;
}

bool page_init(struct page *page, const char *cdn, const char *public_url)
{
    char cdn_source[ORIGIN_MAX];
    char own_source[ORIGIN_MAX];
    int size;

    if (!source_of(cdn, cdn_source) || !source_of(public_url, own_source))
        return false;
    size = snprintf(page->policy, sizeof page->policy, policy, own_source, own_source, cdn_source);
    return size > 0 && (size_t)size < sizeof page->policy;
}

static void serve(void *context, const struct cc_http_request *request,
                  struct cc_http_response *response)
{
    const struct page_route *route = context;

    (void)request;
    cc_http_response_type(response, route->file->type);
    cc_http_response_header(response, "Content-Security-Policy", route->page->policy);
    cc_http_response_header(response, "Referrer-Policy", "no-referrer");
    cc_http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    cc_http_response_header(response, "Permissions-Policy",
                            "camera=(), geolocation=(), microphone=()");
    cc_http_response_write(response, *route->file->bytes);
}

void page_routes(struct page *page, struct cc_http_route routes[PAGE_ROUTES])
{
    for (size_t i = 0; i < PAGE_ROUTES; i++) {
        page->routes[i] = (struct page_route){.page = page, .file = &files[i]};
        routes[i] = (struct cc_http_route){"GET", files[i].path, serve, &page->routes[i]};
    }
}
