"""Chat for a Django application that is there already: its users, its log-in, its pages.

    urls.py:  path("chat/", include("chat"))

Who is logged in to Django is that user here, by the same name. The engine is opened when it is first
wanted, in the process that serves the pages, and closed at that process's end; so the server must have
one process (uvicorn's default), with as many threads as it likes.

A page posts and lists through `room`. What arrives meanwhile comes over the gateway's WebSocket, for
which the page takes a token from `token`: Django's cookie never leaves Django.
"""
import os
import secrets
import threading
import time

import chatcore
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

TOKEN_SECONDS = 3600  # a session ends with its token; `refresh` brings the next one
TOKENS_MAX = 100_000  # bounds memory: beyond it, those given the longest ago no longer let anybody in

_lock = threading.Lock()
_tokens = {}  # token -> (user, expiry)
_engine = _gateway = None


def verify(token):
    return _tokens.get(token)


def engine():
    global _engine, _gateway
    with _lock:
        if _engine is None:
            _engine = chatcore.Engine(os.environ.get("CHAT_DATA", "chat.data"), verify=verify)
            _gateway = _engine.serve(port=int(os.environ.get("CHAT_PORT", "0")))
    return _engine


@login_required
@require_http_methods(["GET", "POST"])
def room(request, peer):
    """The conversation with another user: GET shows the newest messages, POST says something."""
    with engine().requests(request.user.get_username()) as session:
        if request.method == "GET":
            return render(request, "room.html", {"peer": peer, "said": newest(session, peer)})
        session.send(user=peer, text=request.POST["text"])
    return redirect(request.path)


def newest(session, peer):
    for conversation in session.call("conversations", limit=200).conversations:
        if conversation.peer == peer:
            found = session.call("history", conversation=conversation.id, limit=50).messages
            return [message for message in found if message.kind == "text"]
    return []


@login_required
def token(request):
    given = secrets.token_urlsafe(24)
    with _lock:
        while len(_tokens) >= TOKENS_MAX:
            del _tokens[next(iter(_tokens))]
        _tokens[given] = (request.user.get_username(), time.time() + TOKEN_SECONDS)
    engine()
    host = request.get_host().rsplit(":", 1)[0]
    return JsonResponse({"url": f"ws://{host}:{_gateway.port}/v1/ws", "token": given})


urlpatterns = [path("token", token), path("<str:peer>/", room)]
