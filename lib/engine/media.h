/*
 * Media: who may upload, send and read objects. The bytes never come through here: the media port
 * signs URLs, and clients go there with them.
 *
 * An object is its uploader's until it is sent; then it is readable by those who see a message that
 * it was sent with: members of that conversation, at this moment, for whom that message is not
 * older than their joining (visible.h), and as long as no message with it was deleted there since.
 * Where it was sent to is noted when a message is applied, so it is a function of the log
 * (MARK_MEDIA in mark.h).
 *
 *   media.c          the commands
 *   media_places.c   in which conversations an object is, and whether a user sees one of them
 *   media_send.c     what a message's media are, before it goes to the log
 *   media_unsent.c   how much each user has uploaded and not sent
 *   media_collect.c  removes what was never sent, or deleted everywhere
 */
#ifndef CC_ENGINE_MEDIA_H
#define CC_ENGINE_MEDIA_H

#include "engine/session.h"

int media_init(struct cc_engine *engine);
void media_deinit(struct cc_engine *engine);

/* Messages have been blanked: what none shows any more is looked for now, not at the next daily
 * look. Nothing without a media port. */
void media_collect_now(struct cc_engine *engine);

/* The commands. */
void media_upload(struct request *request);
void media_url(struct request *request);

/*
 * Checks the media of a `send`, and sets request->files; then `attached` is called, at once or in a
 * later drain, or the request has failed. Without a media port the ids are the host's, and go
 * unchecked.
 */
void media_attach(struct request *request, void (*attached)(struct request *request));

#endif
