/*
 * What is known of an image: its size, and a small copy of it.
 *
 * Decoders of images are where hostile bytes do harm. So a program of its own decodes
 * (image_program.c): it gets the image and an empty file for the thumbnail, open, and no way to
 * anything else of ours; it has limits of memory and time, and when it breaks, one image has no
 * thumbnail.
 */
#ifndef CC_BACKENDS_MEDIA_FOLDER_IMAGE_H
#define CC_BACKENDS_MEDIA_FOLDER_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct image {
    uint32_t width; /* as it is shown: turned by its orientation. 0: no image that is known here */
    uint32_t height;
    bool has_thumbnail;
};

/*
 * Runs the program on an image, read from one file and the thumbnail written to another. An image
 * of more than max_pixels, of a format that is not taken, or damaged, is no image; so is any where
 * the program can't be run. Blocks, for some seconds at most. Any thread.
 */
struct image image_look(const char *program, int data_fd, int thumbnail_fd, uint32_t max_pixels);

#endif
