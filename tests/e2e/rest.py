"""REST through Python's own HTTP client."""
import http.client
import json
import os


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read()
        is_json = self.headers.get("content-type") == "application/json" and self.text
        self.body = json.loads(self.text) if is_json else None

    @property
    def name(self):
        return self.body["error"]["name"]


class User:
    """One user's requests, on one connection that is kept."""

    def __init__(self, server, name=None, token=None, headers=None):
        self.server = server
        self.headers = dict(headers or {})
        if name or token:
            self.headers["Authorization"] = f"Bearer {token or server.token(name)}"
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def ask(self, method, path, body=None, **headers):
        data = json.dumps(body) if isinstance(body, (dict, list)) else body
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, data, {**self.headers, **more})
        return Answer(self.connection.getresponse())

    def do(self, method, path, body=None, expect=(200, 201), **headers):
        answer = self.ask(method, path, body, **headers)
        expected = expect if isinstance(expect, tuple) else (expect,)
        assert answer.status in expected, (method, path, answer.status, answer.text)
        return answer.body

    def fails(self, code, name, method, path, body=None, **headers):
        """Has the one error form, with the code as the status."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status == code, (method, path, answer.status, answer.text)
        error = answer.body["error"]
        assert error["code"] == code and error["name"] == name and error["message"], error
        if code in (429, 503) and error.get("temporary"):
            assert int(answer.headers["retry-after"]) >= 1, answer.headers
        return error


def say(user, conversation, text, client_id=None):
    return user.do("POST", f"/v1/conversations/{conversation}/messages",
                   {"text": text, "client_id": client_id or os.urandom(8).hex()})


def group(owner, name, *members):
    owner.do("POST", "/v1/conversations",
             {"kind": "group", "conversation": name, "name": name, "members": list(members)})
