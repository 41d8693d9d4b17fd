/*
 * docs/openapi.yaml, as it was when this was built (embed.py).
 */
#ifndef CC_GATEWAY_OPENAPI_H
#define CC_GATEWAY_OPENAPI_H

#include <stddef.h>

extern const char openapi_yaml[];
extern const size_t openapi_yaml_size;

#endif
