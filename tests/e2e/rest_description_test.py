"""The server against its own description: schemathesis makes requests of all kinds from
/v1/openapi.yaml, with a fixed seed, as a user with conversations and messages, and judges every
answer by it: status, type, schema, no fault of the server, no way around the token.

    rest_description_test.py CHATCORED
"""
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

from harness import Server, skip

HERE = os.path.dirname(os.path.abspath(__file__))
# What is valid by the schema may still be refused (bytes are not characters; an object must be
# there), and what it does not know is ignored: so two checks are not for this interface, and two
# want what it has not. NUL in an address is answered by closing the connection, which is no answer.
NOT_FOR_THIS = ["positive_data_acceptance", "negative_data_rejection", "missing_required_header",
                "object_level_authorization"]
# Links in mails ask for no token. libwebsockets answers methods that it does not know (TRACE) by 403
# itself, which the check takes for an answer only where there is one.
BY_MAIL = "^/v1/(unsubscribe|verify)$"


def tool():
    named = subprocess.run([os.path.join(HERE, "../../tools/deps.sh"), "--schemathesis"],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not os.access(named, os.X_OK):
        skip("schemathesis is not installed: tools/deps.sh all")
    return named


def post(server, path, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode(),
        {"Authorization": "Bearer " + server.token("alice")})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def judge(program, server, folder, paths, without):
    return subprocess.run(
        [program, "run", f"http://127.0.0.1:{server.port}/v1/openapi.yaml", *paths,
         "-H", "Authorization: Bearer " + server.token("alice"),
         "--phases", "examples,coverage,fuzzing", "--max-examples", "12", "--seed", "1",
         "--checks", "all", "--exclude-checks", ",".join(without),
         "--generation-allow-x00", "false", "--continue-on-failure", "--no-color",
         "--warnings", "off"],
        cwd=folder, timeout=240, check=False).returncode


def main():
    program = tool()
    # One user makes thousands of requests: without limits, each gets as far as it can.
    options = ["--request-rate", "off", "--send-rate", "off", "--connect-rate", "off",
               "--spam-filter-off"]
    with Server(*options) as server, tempfile.TemporaryDirectory() as folder:
        post(server, "/v1/conversations", {"kind": "group", "conversation": "0", "name": "",
                                           "members": ["0", "bob"]})
        post(server, "/v1/conversations/0/messages", {"text": "hello", "client_id": "1"})
        codes = [judge(program, server, folder, ["--exclude-path-regex", BY_MAIL], NOT_FOR_THIS),
                 judge(program, server, folder, ["--include-path-regex", BY_MAIL],
                       NOT_FOR_THIS + ["unsupported_method"])]
        post(server, "/v1/users/zoe/messages", {"text": "still there", "client_id": "-"})
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
