"""Holds docs/openapi.yaml to the table of routes in lib/gateway/rest_routes.c, and to the fields of
lib/wire/fields.c: the same methods and paths, commands, statuses, scopes, query parameters; and
every field that a command has can be given."""
import pathlib
import re
import sys

try:
    import yaml
except ImportError:
    print("python3-yaml is not installed")
    sys.exit(77)

ROUTES = pathlib.Path("lib/gateway/rest_routes.c")
FIELDS = pathlib.Path("lib/wire/fields.c")
ROW = re.compile(r'\{"([A-Z]+)", ([^,]+), CC_COMMAND_(\w+), (\d+), CC_SCOPE_(\w+), "([^"]*)", "(.*)"\},')
METHODS = {"get", "post", "put", "patch", "delete"}
COMMANDS_WITHOUT = {"connect", "refresh"}  # a request has its token with it
# What the gateway answers under /v1/ that is no command, where the server is set up for it: the
# links of mails, which need no log-in.
BESIDE = {(method, path) for method in ("GET", "POST")
          for path in ("/v1/unsubscribe", "/v1/verify")}


def route_table():
    """(method, path) → command, status, scope, query names, keys that the route itself sets."""
    text = ROUTES.read_text(encoding="utf8")
    macros = dict(re.findall(r'#define (\w+)\s+(.*"/.*)', text))
    routes = {}
    for method, path, command, status, scope, query, fixed in ROW.findall(text):
        while any(name in path for name in macros):
            for name, value in macros.items():
                path = re.sub(rf"\b{name}\b", lambda _, value=value: value, path)
        path = "".join(re.findall(r'"([^"]*)"', path))
        routes[method, path] = (command.lower(), status, scope.lower().replace("_", ":"),
                                set(query.split()), set(re.findall(r'\\"(\w+)\\":', fixed)))
    return routes


def fields_of(command):
    """The keys of a command, from the tables of the decoder."""
    text = FIELDS.read_text(encoding="utf8")
    macros = {"CONVERSATION": '"conversation"', "LIMIT": '"limit"', "AFTER": '"after"'}
    table = re.search(rf"\[CC_COMMAND_{command.upper()}\] = FIELDS\((\w+)\)", text).group(1)
    body = re.search(rf"{table}\[\] = \{{(.*?)\}};", text, re.DOTALL).group(1)
    for name, value in macros.items():
        body = re.sub(rf"\b{name}\b", value, body)
    return set(re.findall(r'(?:^|[(,{\s])"(\w+)"', body))


def resolve(document, node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        node = target
    return node


def described(document):
    for path, item in document["paths"].items():
        shared = [resolve(document, each) for each in item.get("parameters", [])]
        for method in METHODS & set(item):
            operation = item[method]
            own = [resolve(document, each) for each in operation.get("parameters", [])]
            yield method.upper(), path, operation, shared + own


def body_keys(document, operation):
    content = operation.get("requestBody", {}).get("content", {})
    schema = resolve(document, content.get("application/json", {}).get("schema", {}))
    return set(schema.get("properties", {}))


def problems(document):
    routes = route_table()
    if not routes:
        yield "no routes found in " + str(ROUTES)
    seen = set()
    for method, path, operation, parameters in described(document):
        where = f"{method} {path}"
        seen.add((method, path))
        if (method, path) in BESIDE:
            continue
        if (method, path) not in routes:
            yield f"{where}: no such route"
            continue
        command, status, scope, query, fixed = routes[method, path]
        if operation.get("x-chatcore-command") != command:
            yield f"{where}: its command is {command}"
        if operation.get("x-chatcore-scope") != scope:
            yield f"{where}: its scope is {scope}"
        if status not in operation["responses"] or "default" not in operation["responses"]:
            yield f"{where}: needs the responses {status} and default"
        in_query = {each["name"] for each in parameters if each["in"] == "query"}
        if in_query != query:
            yield f"{where}: its query parameters are {sorted(query)}"
        in_path = {each["name"] for each in parameters if each["in"] == "path"}
        if in_path != set(re.findall(r"\{(\w+)\}", path)):
            yield f"{where}: its path parameters are not those of the path"
        given = in_query | in_path | fixed | body_keys(document, operation)
        unknown = given - fields_of(command)
        if unknown:
            yield f"{where}: {command} has no {sorted(unknown)}"
    for method, path in sorted((set(routes) | BESIDE) - seen):
        yield f"{method} {path}: is not described"
    yield from missing_fields(document, routes)


def missing_fields(document, routes):
    """What of a command no route takes."""
    given = {}
    for method, path, operation, parameters in described(document):
        command, _, _, _, fixed = routes.get((method, path), ("", "", "", set(), set()))
        names = {each["name"] for each in parameters if each["in"] in ("path", "query")}
        given.setdefault(command, set()).update(names, fixed, body_keys(document, operation))
    text = FIELDS.read_text(encoding="utf8")
    for command in re.findall(r"\[CC_COMMAND_(\w+)\] = FIELDS", text):
        command = command.lower()
        if command in COMMANDS_WITHOUT:
            continue
        missing = fields_of(command) - given.get(command, set())
        if command not in given:
            yield f"{command}: has no route"
        elif missing:
            yield f"{command}: no route takes {sorted(missing)}"


def main():
    document = yaml.safe_load(pathlib.Path("docs/openapi.yaml").read_text(encoding="utf8"))
    found = list(problems(document))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


main()
