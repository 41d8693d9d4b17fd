/*
 * The notifier suite on webhooks behind the failing backend, told to fail nothing.
 */
#include "driver.h"
#include "places.h"

int main(int argc, char **argv)
{
    struct notifier_place place = {.is_receiving = false};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_notifier_factory factory = failing_notifier_factory(&place);

    return driver_end(cc_conformance_notifier(&factory, &options));
}
