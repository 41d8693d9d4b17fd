/*
 * Renewing the certificate of a gateway that runs. It is loaded and checked aside, once; then each
 * thread puts it in the place of its own old one. Connections that stand keep what they have.
 */
#ifndef CC_GATEWAY_TLS_H
#define CC_GATEWAY_TLS_H

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* Loads a chain and the key that belongs to it; to be freed with tls_free(). 0, CC_EINVAL,
 * CC_ENOMEM. Any thread. */
int tls_load(const char *cert_file, const char *key_file, struct ssl_ctx_st **ret_loaded);

/* One more owner. */
void tls_ref(struct ssl_ctx_st *loaded);

/* `loaded` may be NULL. */
void tls_free(struct ssl_ctx_st *loaded);

/* Puts the loaded certificate into a context that serves. 0 or CC_ENOMEM: then the old one stays.
 * The context's thread. */
int tls_replace(struct ssl_ctx_st *serving, struct ssl_ctx_st *loaded);

#endif
