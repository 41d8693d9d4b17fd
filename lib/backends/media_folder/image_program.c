/*
 * chatcore-image MAX_PIXELS: looks at the image on standard input, writes a thumbnail of it to
 * descriptor 3 as a JPEG, and "WIDTH HEIGHT" to standard output. Ends with 1, and no output, for
 * what is no image that it takes.
 *
 * The bytes are hostile. So: bounds of memory, time and files before the first of them is read; of
 * libvips only the loaders that it trusts with such bytes, and of those only the four formats that
 * browsers show; the size is read from the header, and judged, before a pixel is decoded; decoding
 * is sequential and shrinks while it loads.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <vips/vips.h>

#include <vips/vector.h> /* wants the one above */

/* A side of a thumbnail at most: as large as a phone shows it in a list, at double density. */
#define THUMBNAIL_SIDE 320

#define THUMBNAIL_QUALITY 80

/* Of address space: libvips' libraries take a fifth of it. */
#define MEMORY_MAX ((rlim_t)1 << 30)

#define CPU_SECONDS 8

#define THUMBNAIL_BYTES_MAX ((rlim_t)1 << 20)

enum { FD_THUMBNAIL = 3 };

/* --- limits ----------------------------------------------------------------------------------- */

static bool limit(__rlimit_resource_t resource, rlim_t most)
{
    const struct rlimit both = {most, most};

    return setrlimit(resource, &both) == 0;
}

static bool set_limits(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_AS, MEMORY_MAX) &&
           limit(RLIMIT_CPU, CPU_SECONDS) && limit(RLIMIT_FSIZE, THUMBNAIL_BYTES_MAX) &&
           limit(RLIMIT_CORE, 0);
}

static bool open_vips(const char *name)
{
    if (VIPS_INIT(name))
        return false;
    vips_block_untrusted_set(TRUE);
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_vector_set_enabled(FALSE); /* no code is generated: a hardened service forbids it */
    return true;
}

/* --- the image -------------------------------------------------------------------------------- */

static bool is_taken(VipsSource *source)
{
    static const char *const loaders[] = {"VipsForeignLoadJpegSource", "VipsForeignLoadPngSource",
                                          "VipsForeignLoadWebpSource",
                                          "VipsForeignLoadNsgifSource"};
    const char *loader = vips_foreign_find_load_source(source);

    for (size_t i = 0; loader && i < sizeof loaders / sizeof *loaders; i++)
        if (!strcmp(loader, loaders[i]))
            return true;
    return false;
}

/* From its header, turned as it is shown. False for one that is too large. */
static bool read_size(VipsSource *source, uint64_t max_pixels, int *ret_width, int *ret_height)
{
    VipsImage *header =
        vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL, NULL);
    int width, height;
    bool is_turned;

    if (!header)
        return false;
    width = vips_image_get_width(header);
    height = vips_image_get_page_height(header);
    is_turned = vips_image_get_orientation(header) > 4;
    g_object_unref(header);
    *ret_width = is_turned ? height : width;
    *ret_height = is_turned ? width : height;
    return width > 0 && height > 0 && (uint64_t)width * (uint64_t)height <= max_pixels;
}

/* On white, where the image is transparent; without metadata: places, devices, comments. */
static bool write_thumbnail(VipsSource *source)
{
    VipsTarget *target = vips_target_new_to_descriptor(FD_THUMBNAIL);
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    VipsImage *small = NULL;

    if (!target ||
        vips_thumbnail_source(source, &small, THUMBNAIL_SIDE, "height", THUMBNAIL_SIDE, "size",
                              VIPS_SIZE_DOWN, "fail_on", VIPS_FAIL_ON_ERROR, NULL))
        return false;
    return vips_jpegsave_target(small, target, "Q", THUMBNAIL_QUALITY, "strip", TRUE, "background",
                                white, NULL) == 0;
}

/* The process ends: what it holds goes with it. */
int main(int argc, char **argv)
{
    uint64_t max_pixels = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    VipsSource *source;
    int width, height;

    if (!max_pixels || !set_limits() || !open_vips(argv[0]))
        return 1;
    source = vips_source_new_from_descriptor(0);
    if (!source || !is_taken(source) || !read_size(source, max_pixels, &width, &height) ||
        !write_thumbnail(source))
        return 1;
    printf("%d %d\n", width, height);
    return 0;
}
