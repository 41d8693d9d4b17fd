/*
 * Ports with faults: each wraps a port of the memory world for one node. Operations start late,
 * fail before anything happened, or happen and are answered with a time-out; bus messages are lost,
 * late or doubled. A node that crashes takes along what has not started.
 */
#ifndef SIM_PORTS_H
#define SIM_PORTS_H

#include "base/memory.h"
#include "chatcore/backend/memory.h"
#include "sim_random.h"

struct sim_ports;

/* How often, of 1,000 operations. All zero: no faults. */
struct sim_faults {
    uint32_t late; /* starts up to `late_ms` later */
    uint32_t late_ms;
    uint32_t refused;   /* CC_EUNAVAILABLE, nothing happened */
    uint32_t ambiguous; /* happened, but answered CC_ETIMEOUT */
    uint32_t bus_lost;
    uint32_t bus_late;
    uint32_t bus_doubled;
};

/* `faults` and `random` are shared with the simulation and may change at any time. */
int sim_ports_open(struct cc_memory_world *world, struct cc_slice node,
                   const struct sim_faults *faults, struct sim_random *random,
                   struct sim_ports **ret_ports);

struct cc_log sim_ports_log(struct sim_ports *ports);
struct cc_store sim_ports_store(struct sim_ports *ports);
struct cc_directory sim_ports_directory(struct sim_ports *ports);
struct cc_cluster sim_ports_cluster(struct sim_ports *ports);

/* Starts what is due. */
void sim_ports_tick(struct sim_ports *ports, int64_t now_ms);

/* The node is gone: what has not started never does. */
void sim_ports_free(struct sim_ports *ports);

#endif
