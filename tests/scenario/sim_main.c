/*
 * sim [--seeds N] [--seed S] [--first S] [--verbose]: runs seeds, one after the other; the first
 * that fails is run again with its trace.
 */
#include "sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option options[] = {
    {"seeds", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
    {"first", required_argument, NULL, 'f'}, {"verbose", no_argument, NULL, 'v'},
    {"nodes", required_argument, NULL, 'N'}, {NULL, 0, NULL, 0}};

int main(int argc, char **argv)
{
    static struct sim sim;
    unsigned long long first = 1;
    unsigned long long count = 100;
    unsigned long long crashes = 0, pushes = 0, acknowledged = 0, duplicates = 0, consumed = 0;
    bool is_verbose = false;
    int nodes = 0;
    int option;

    while ((option = getopt_long(argc, argv, "n:s:f:vN:", options, NULL)) != -1) {
        if (option == 'n')
            count = strtoull(optarg, NULL, 10);
        else if (option == 's')
            first = strtoull(optarg, NULL, 10), count = 1;
        else if (option == 'f')
            first = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            is_verbose = true;
        else if (option == 'N')
            nodes = atoi(optarg);
        else
            return 2;
    }
    for (unsigned long long seed = first; seed < first + count; seed++) {
        if (!sim_run(&sim, seed, nodes, is_verbose)) {
            printf("seed %llu FAILS: %s\n", seed, sim.failure);
            printf("see it with: tools/sim --seed %llu --verbose\n", seed);
            return 1;
        }
        crashes += sim.crashes;
        pushes += sim.pushes;
        acknowledged += sim.acknowledged;
        duplicates += sim.duplicates;
        consumed += sim.consumed;
    }
    printf("%llu seeds: every invariant held over %llu acknowledged sends (%llu of them retries), "
           "%llu pushes, %llu read by consumers, %llu crashes\n",
           count, acknowledged, duplicates, pushes, consumed, crashes);
    return 0;
}
