"""Makes a man page of its template: what can drift is filled in from where it is true.

    make.py TEMPLATE VERSION OPERATIONS CHATCORECTL OUTPUT

Settings come from the table of docs/operations.md, which a test holds equal to what chatcored has;
commands from `chatcorectl help --json`, which is the program's own table.
"""
import json
import re
import subprocess
import sys

DATE = "2026-11-24"  # of the newest change of a template


def roff(text):
    """Plain text, so that no character of it is an order."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def from_markdown(text):
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    pieces = re.split(r"`([^`]*)`|\*\*([^*]*)\*\*", text)  # plain, code, bold, plain, …
    return "".join(roff(piece) if place % 3 == 0 else "\\fB" + roff(piece) + "\\fR"
                   for place, piece in enumerate(pieces) if piece)


def sentences(text):
    """Each on a line of its own: that is how roff knows them."""
    return re.sub(r"(?<=[.:]) (?=[A-Z])", "\n", text)


def setting_rows(page):
    section = page.split("\n### All settings\n", 1)[1].split("\n## ", 1)[0]
    for row in re.findall(r"^\|( `[^\n]*)\|$", section, re.MULTILINE):
        names, default, text = (cell.strip() for cell in re.split(r"(?<!\\)\|", row))
        yield re.findall(r"`([^`]+)`", names), default, text.replace("\\|", "|")


def settings(page):
    lines = []
    for names, default, text in setting_rows(page):
        lines += [".TP", ".BR " + ' ", " '.join(roff(name) for name in names)]
        text = text or f"See {names[0]}."
        lines += [sentences(from_markdown(text[:1].upper() + text[1:].rstrip(".") + ".")),
                  f"Default: {from_markdown(default)}."]
    return "\n".join(lines)


def setting_options(page):
    names = [name for names, _, _ in setting_rows(page) for name in names]
    return ",\n".join(f"\\fB{roff('--' + name)}\\fR" for name in names) + "."


def commands(rows):
    lines = []
    for row in rows:
        lines += [".TP", f".BI {row['name']} \" {roff(row['arguments'])}\"",
                  sentences(roff(row["text"][:1].upper() + row["text"][1:] + "."))]
        if "more" in row:
            lines.append(sentences(roff(row["more"])))
        if row["options"]:
            names = ", ".join("\\fB" + roff("--" + option["name"]) + "\\fR"
                              for option in row["options"])
            lines.append(f"Options: {names}.")
    return "\n".join(lines)


def command_options(rows):
    lines = []
    for option in {option["name"]: option for row in rows for option in row["options"]}.values():
        argument = f" \" {option['argument']}\"" if "argument" in option else ""
        lines += [".TP", f".B{'I' if argument else ''} {roff('--' + option['name'])}{argument}",
                  roff(option["text"][:1].upper() + option["text"][1:] + ".")]
    return "\n".join(lines)


def main():
    template, version, operations, program, output = sys.argv[1:]
    with open(template, encoding="utf8") as file:
        text = file.read()
    with open(operations, encoding="utf8") as file:
        page = file.read()
    if "@COMMANDS@" in text:
        told = subprocess.run([program, "help", "--json"], check=True, stdout=subprocess.PIPE)
        rows = [json.loads(line) for line in told.stdout.splitlines()]
        text = text.replace("@COMMANDS@", commands(rows)).replace("@OPTIONS@",
                                                                  command_options(rows))
    text = text.replace("@SETTINGS@", settings(page)).replace("@OPTIONS@", setting_options(page))
    text = text.replace("@DATE@", DATE).replace("@VERSION@", version)
    with open(output, "w", encoding="utf8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
