/*
 * Serving the page's files, with headers that let it load from its own host alone (and media from
 * where the settings say that they are), and run no script and no style but its own files.
 *
 * A browser keeps the files, asks each time whether they are still the same, and is told so without
 * their bytes (304): nobody sees an old page after an update.
 */
#include "page.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of a source in the policy: a host name has 253 bytes. */
#define ORIGIN_MAX 300

struct page_file {
    const char *path;
    const char *type;
    const struct page_asset *asset;
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

/* --- what the request asks for ---------------------------------------------------------------- */

/* Takes the next element off a list with commas, without the spaces around it. False: none left. */
static bool next_element(struct cc_slice *list, struct cc_slice *ret_element)
{
    const char *end = list->data + list->size;
    const char *at = list->data;
    const char *stop;

    while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
        at++;
    if (at == end)
        return false;
    stop = memchr(at, ',', (size_t)(end - at));
    stop = stop ? stop : end;
    *list = (struct cc_slice){stop, (size_t)(end - stop)};
    while (stop[-1] == ' ' || stop[-1] == '\t')
        stop--;
    *ret_element = (struct cc_slice){at, (size_t)(stop - at)};
    return true;
}

/* "gzip", "gzip;q=0.5", and not "gzip;q=0.0", which forbids it. */
static bool is_gzip(struct cc_slice element)
{
    size_t size = 0;
    size_t i;

    while (size < element.size && element.data[size] != ';' && element.data[size] != ' ')
        size++;
    if (!(size == 4 && !strncasecmp(element.data, "gzip", 4)))
        return false;
    for (i = size; i < element.size; i++)
        if (element.data[i] >= '1' && element.data[i] <= '9')
            return true;
    return !memchr(element.data + size, '=', element.size - size);
}

static bool takes_gzip(struct cc_slice accept_encoding)
{
    struct cc_slice element;

    while (next_element(&accept_encoding, &element))
        if (is_gzip(element))
            return true;
    return false;
}

/* Whether the browser has it: a proxy may have made the ETag a weak one. */
static bool has_it(struct cc_slice if_none_match, const char *etag)
{
    struct cc_slice element;

    while (next_element(&if_none_match, &element)) {
        if (element.size > 2 && !memcmp(element.data, "W/", 2))
            element = (struct cc_slice){element.data + 2, element.size - 2};
        if (element.size == 1 && element.data[0] == '*')
            return true;
        if (element.size == strlen(etag) && !memcmp(element.data, etag, element.size))
            return true;
    }
    return false;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void protect(const struct page *page, struct cc_http_response *response)
{
    cc_http_response_header(response, "Content-Security-Policy", page->policy);
    cc_http_response_header(response, "Referrer-Policy", "no-referrer");
    cc_http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    cc_http_response_header(response, "Permissions-Policy",
                            "camera=(), geolocation=(), microphone=()");
}

static void serve(void *context, const struct cc_http_request *request,
                  struct cc_http_response *response)
{
    const struct page_route *route = context;
    const struct page_asset *asset = route->file->asset;
    bool is_packed = takes_gzip(request->accept_encoding);
    const struct page_body *body = is_packed ? &asset->packed : &asset->plain;

    cc_http_response_type(response, route->file->type);
    cc_http_response_header(response, "Cache-Control", "no-cache");
    cc_http_response_header(response, "ETag", body->etag);
    cc_http_response_header(response, "Vary", "Accept-Encoding");
    protect(route->page, response);
    if (has_it(request->if_none_match, body->etag)) {
        cc_http_response_status(response, 304);
        return;
    }
    if (is_packed)
        cc_http_response_header(response, "Content-Encoding", "gzip");
    cc_http_response_write(response, body->bytes);
}

void page_routes(struct page *page, struct cc_http_route routes[PAGE_ROUTES])
{
    for (size_t i = 0; i < PAGE_ROUTES; i++) {
        page->routes[i] = (struct page_route){.page = page, .file = &files[i]};
        routes[i] = (struct cc_http_route){"GET", files[i].path, serve, &page->routes[i]};
    }
}
