/*
 * The header of the PROXY protocol, versions 1 and 2: what a proxy that passes bytes on says first,
 * so that the address of its client is known. Pure: bytes in, an address out.
 *
 * One that makes no sense is an error, never a connection without a header: only proxies that are
 * known to send it are asked for it, so whoever begins differently is none of them.
 */
#ifndef CC_GATEWAY_PROXY_HEADER_H
#define CC_GATEWAY_PROXY_HEADER_H

#include "gateway/address.h"

/* The largest that is taken. Version 1 has at most 107 bytes; version 2's addresses have 52, and
 * what may stand behind them (a certificate's name, a cloud's id of an endpoint) some hundred. */
#define PROXY_HEADER_MAX 1024

struct proxy_header {
    size_t size;      /* of the header: the client's own bytes begin there */
    bool has_address; /* false: the proxy speaks for itself (a health check), or does not say */
    struct address address;
};

#define PROXY_HEADER_MORE 1

/* 0: it is whole. PROXY_HEADER_MORE: it goes on behind `bytes`. CC_EPROTOCOL: it is none, or too
 * large. */
int proxy_header_read(struct cc_slice bytes, struct proxy_header *ret_header);

#endif
