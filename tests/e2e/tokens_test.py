"""Tokens and keys that other libraries made (PyJWT, cryptography; pyseto where it is installed):
all algorithms, PEM and JWKS, rotation, and what must be refused.

    tokens_test.py CHATCORED
"""
import asyncio
import base64
import json
import os
import sys
import tempfile
import time

from harness import Client, Refused, Server, skip

try:
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:
    skip("python3-jwt or python3-cryptography is not installed")
try:
    import pyseto
except ImportError:
    pyseto = None


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def number(value, size=None):
    data = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def jwks(names):
    """The public keys as a document that a log-in service would publish."""
    r, e, d = (KEYS[name].public_key() for name in ("RS256", "ES256", "EdDSA"))
    point, raw = e.public_numbers(), d.public_bytes(serialization.Encoding.Raw,
                                                    serialization.PublicFormat.Raw)
    keys = {
        "RS256": {"kty": "RSA", "n": number(r.public_numbers().n),
                  "e": number(r.public_numbers().e)},
        "ES256": {"kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)},
        "EdDSA": {"kty": "OKP", "crv": "Ed25519",
                  "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()},
    }
    return {"keys": [{**keys[name], "kid": name, "use": "sig", "alg": name} for name in names]}


def claims(user="ann", **more):
    return {"sub": user, "exp": int(time.time()) + 600, **more}


def token(algorithm, body=None, key=None, **headers):
    return jwt.encode(body or claims(), key or KEYS[algorithm], algorithm=algorithm,
                      headers=headers or None)


async def connect(server, text):
    client = await Client.open(server)
    try:
        answer = await client.call("connect", token=text, device="d")
        return answer["user"]
    except Refused as error:
        return error.name
    finally:
        await client.lose()


def check(server, wanted, text, what):
    got = asyncio.run(connect(server, text))
    assert got == wanted, f"{what}: {got}, not {wanted}"


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def all_algorithms_by_jwks(folder):
    path = write(folder, "jwks", json.dumps(jwks(KEYS)).encode())
    with Server("--jwks-file", path) as server:
        for name in KEYS:
            check(server, "ann", token(name, kid=name), name)
            check(server, "unauthorized", token(name), f"{name} that names no key")
            check(server, "unauthorized", token(name, kid="other"), f"{name} of another key")
            check(server, "unauthorized", token(name, claims(exp=int(time.time()) - 1)),
                  f"{name} that has expired")
        check(server, "ann", jwt.encode(claims(), server.secret, algorithm="HS256"), "HS256")
        wrong = ed25519.Ed25519PrivateKey.generate()
        check(server, "unauthorized", token("EdDSA", key=wrong, kid="EdDSA"), "another's key")
        check(server, "unauthorized", jwt.encode(claims(), None, algorithm="none"), "none")
        # The public key is public: it must not do as a secret.
        confused = jwt.encode(claims(), base64.b64encode(pem(KEYS["RS256"])), algorithm="HS256")
        check(server, "unauthorized", confused, "HS256 with a public key")
        check(server, "unauthorized", jwt.encode(claims(), server.secret, algorithm="HS512"),
              "an algorithm that is not ours")


def by_pem(folder):
    for name, key in KEYS.items():
        path = write(folder, name, pem(key))
        with Server("--jwt-key-file", path) as server:
            check(server, "ann", token(name), f"{name} by PEM")
            for other in set(KEYS) - {name}:
                check(server, "unauthorized", token(other), f"{other} with a key of {name}")


def claims_are_looked_at(_):
    with Server("--audience", "chat", "--issuer", "https://id.example") as server:
        good = {"aud": "chat", "iss": "https://id.example"}
        for wanted, what, body in [
                ("ann", "both", claims(**good)),
                ("ann", "an audience among others", claims(**{**good, "aud": ["web", "chat"]})),
                ("unauthorized", "another audience", claims(**{**good, "aud": "mail"})),
                ("unauthorized", "no audience", claims(iss=good["iss"])),
                ("unauthorized", "another issuer", claims(**{**good, "iss": "https://evil"})),
                ("unauthorized", "not yet", claims(nbf=int(time.time()) + 600, **good)),
                ("unauthorized", "no end", {"sub": "ann", **good}),
                ("unauthorized", "no user", {"exp": int(time.time()) + 600, **good}),
        ]:
            check(server, wanted, jwt.encode(body, server.secret, algorithm="HS256"), what)


def keys_are_rotated(folder):
    path = write(folder, "jwks", json.dumps(jwks(["ES256"])).encode())
    with Server("--jwks-file", path) as server:
        check(server, "unauthorized", token("EdDSA", kid="EdDSA"), "a key that is not there yet")
        for names, old, new in [(["ES256", "EdDSA"], "ann", "ann"),
                                (["EdDSA"], "unauthorized", "ann")]:
            write(folder, "jwks", json.dumps(jwks(names)).encode())
            server.process.send_signal(1)
            wait_for(server, token("EdDSA", kid="EdDSA"), new)
            wait_for(server, token("ES256", kid="ES256"), old)


def wait_for(server, text, wanted):
    """SIGHUP takes effect a moment later."""
    deadline = time.monotonic() + 5
    while asyncio.run(connect(server, text)) != wanted:
        assert time.monotonic() < deadline, f"still not {wanted}"
        time.sleep(0.05)


def paseto(folder):
    if not pyseto:
        print("     without pyseto, PASETO is left to the unit tests")
        return
    key = pyseto.Key.new(version=4, purpose="public", key=private_pem(KEYS["EdDSA"]))
    raw = KEYS["EdDSA"].public_key().public_bytes(serialization.Encoding.Raw,
                                                  serialization.PublicFormat.Raw)

    def made(until, **more):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + until))
        return pyseto.encode(key, json.dumps({"sub": "ann", "exp": at, **more}).encode()).decode()

    for name, data in [("raw", raw), ("hex", raw.hex().encode())]:
        with Server("--paseto-key-file", write(folder, name, data)) as server:
            check(server, "ann", made(600), f"PASETO, {name} key")
            check(server, "unauthorized", made(-600), "PASETO that has expired")
            check(server, "unauthorized", made(600)[:-4] + "AAAA", "PASETO with another signature")


def main():
    todo = [all_algorithms_by_jwks, by_pem, claims_are_looked_at, keys_are_rotated, paseto]
    for function in todo:
        with tempfile.TemporaryDirectory() as folder:
            function(folder)
        print(f"ok   {function.__name__}", flush=True)
    print(f"{len(todo)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
