/*
 * Telling the service manager how it goes: systemd's notification protocol, a datagram of lines to
 * the socket that NOTIFY_SOCKET names. Without it nothing is sent.
 */
#ifndef CHATCORED_NOTIFY_H
#define CHATCORED_NOTIFY_H

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". Any thread. */
void notify_send(const char *state);

/* How often it wants to hear WATCHDOG=1, half of what it allows; 0: not at all. */
unsigned long notify_watchdog_us(void);

#endif
