/*
 * Renewing certificates, through OpenSSL.
 */
#include "gateway/tls.h"

#include "chatcore/error.h"

#include <libwebsockets.h>

int tls_load(const char *cert_file, const char *key_file, struct ssl_ctx_st **ret_loaded)
{
    SSL_CTX *loaded = SSL_CTX_new(TLS_server_method());

    if (!loaded)
        return CC_ENOMEM;
    if (SSL_CTX_use_certificate_chain_file(loaded, cert_file) == 1 &&
        SSL_CTX_use_PrivateKey_file(loaded, key_file, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(loaded) == 1) {
        *ret_loaded = loaded;
        return 0;
    }
    ERR_clear_error();
    SSL_CTX_free(loaded);
    return CC_EINVAL;
}

void tls_ref(struct ssl_ctx_st *loaded)
{
    SSL_CTX_up_ref(loaded);
}

void tls_free(struct ssl_ctx_st *loaded)
{
    SSL_CTX_free(loaded);
}

int tls_replace(struct ssl_ctx_st *serving, struct ssl_ctx_st *loaded)
{
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(loaded, &chain);
    if (SSL_CTX_use_cert_and_key(serving, SSL_CTX_get0_certificate(loaded),
                                 SSL_CTX_get0_privatekey(loaded), chain, 1) == 1)
        return 0;
    ERR_clear_error();
    return CC_ENOMEM;
}
