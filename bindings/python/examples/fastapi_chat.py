"""A shop that gets a chat: its customers log in as before, and talk to `support` over WebSocket; the
shop's own code writes to them when an order is placed.

    uvicorn fastapi_chat:app
"""
import contextlib
import os
import secrets
import time

import chatcore
from chatcore import aio
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

logins: dict[str, str] = {}  # token -> user: whatever the application has


def verify(token: str):
    user = logins.get(token)
    return (user, time.time() + 3600) if user else None


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    with chatcore.Engine(os.environ.get("CHAT_DATA", "shop.data"), verify=verify) as engine:
        app.state.gateway = engine.serve(port=int(os.environ.get("CHAT_PORT", "0")))
        async with aio.connect(engine, "support", device="shop") as app.state.support:
            yield


app = FastAPI()
app.router.lifespan_context = lifespan  # FastAPI(lifespan=…) from 0.93 on


class Login(BaseModel):
    user: str


class Order(BaseModel):
    token: str
    article: str


@app.post("/login")
async def login(body: Login):
    token = secrets.token_urlsafe(16)
    logins[token] = body.user
    return {"token": token, "chat": f"ws://127.0.0.1:{app.state.gateway.port}/v1/ws"}


@app.post("/orders")
async def order(body: Order):
    user = logins.get(body.token)
    if not user:
        raise HTTPException(401)
    sent = await app.state.support.send(user=user, text=f"Thank you: {body.article} is on its way.")
    return {"message": str(sent.message)}
