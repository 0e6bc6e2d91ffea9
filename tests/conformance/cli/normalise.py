"""What a tool printed as it is compared: what is another one each time has a placeholder.

Kept: every word, tab and escape. Replaced: names of nodes, process ids, ports, versions, times,
paths, amounts of memory. Of pages of help their prose is left out: what counts is the usage and
which options there are. Rows of lists are sorted: the order is that of a hash table in RabbitMQ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from broker.plugins import PLUGINS
from tests.conformance.cli.brokers import Answer
from tests.conformance.cli.steps import Call

ROOT = str(Path(__file__).parents[3])
# Of these columns the value says nothing.
VOLATILE = (
    *("memory", "reductions", "garbage_collection", "connected_at", "recv_oct", "recv_cnt"),
    *("send_oct", "send_cnt", "consumer_utilisation"),
    "consumer_capacity",
)
HEADLESS = {"-s", "--silent", "--no-table-headers", "-sq", "-qs"}
# An exception with its stack, of Elixir or Erlang.
CRASH = re.compile(r"(?m)^Stack trace: $|^\*\* \(\w+|%[\w.]+Error\{|\[file: '|error_info: %\{")
CRASHED = "<crash>"
IN_ORDER = {"list_ciphers", "list_hashes", "list_feature_flags"}  # lists that have one
NODE_PAGES = {
    *("status", "cluster_status", "memory_breakdown", "log_location", "directories"),
    "erlang_cookie_sources",
}
PRETTY = "\x1b(0"  # what lines are drawn with
BOLD = re.compile(r"\x1b\[1m.*?\x1b\[0m:?$")
PARTS = re.compile(r"(?m)(?:^[a-z_]+: <n> \w+\n){2,}")  # of the memory: the largest first
PARTS_JSON = re.compile(r'(?:"\w+":\{"bytes":<n>,"percentage":<n>\},?){2,}')
STARRED = re.compile(r"(?m)(?:^ \* \S+\n){2,}")  # plugins; files of the log
PLUGINS_JSON = re.compile(r'"active_plugins":\[[^]]*\]')
# Parts of RabbitMQ that are plugins of its plugins.
BENEATH = {
    *("accept", "prometheus", "amqp_client", "rabbitmq_web_dispatch", "cowboy", "cowlib"),
    "rabbitmq_management_agent",
}
GUIDES = "\x1b[1mRelevant Doc Guides\x1b[0m"  # of RabbitMQ
# Of a quorum queue's log: RabbitMQ has consumers and elections in it, too.
INDEXES = re.compile(r"(leader \x1b\S+ |\"Log Index\":)\d+( \x1b\S+ |,\"Commit Index\":)\d+")
ITEM = re.compile(r"(?m)^   (\S+)(?: {2,}\S.*| +)$")  # a command and what it does
LISTED = re.compile(r"(\[[eE ][* ]\] |)(rabbitmq_\w+) *(<version>|)$")  # a plugin
HEADER = re.compile(r"[a-z_]+(\t[a-z_]+)*")
PATTERNS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"<([^<>\s]*\.)?\d+\.\d+\.\d+>", "<pid>"),  # without a node: as Erlang shows them
        (r"rabbitmqcli-\d+-[\w.@<>-]+|leveretctl-\d+@[\w.-]+", "<tool>"),
        (r"(home directory: |cookie hash: |hash: )\S+", r"\1<text>"),
        (r"(?<![\d.])\d+\.\d+\.\d+(?:[-+][\w.+-]+)?(?![\d.])", "<version>"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?", "<time>"),
        (r"local hostname: [\w.<>-]+", "local hostname: <host>"),
        (r"(127\.0\.0\.1|localhost|::1):\d+", r"\1:<port>"),
        (r"\n?^\d\d:\d\d:\d\d\.\d{3} \[\w+\] .*\n", ""),  # of the server's log
        (r"rabbitmq-cluster-id-[\w-]{22}", "<cluster>"),
        (r"\{encrypted,<<\"[^\"]+\">>\}", "{encrypted,<text>}"),
        (r"\{\{\d+,-?\d+,\d+\}, ?", "{<id>, "),
        (r"(ports:? )[\d<>a-z]+(, [\d<>a-z]+)*", r"\1<ports>"),
        (r"((?<!\w)port:? |\"port\":|\{port,)(?:\d+|<amqp>|<http>)", r"\1<port>"),
        (r"\bPID \d+|\{pid,\d+\}|\"pid\":\d+", "PID <n>"),
        (r"(?<![\w<>.])/(?:root|home|usr|var|etc|tmp|build)/[^\s\",:\])}']*", "<path>"),
        # RabbitMQ's tools come by a listener like others, ours do not.
        (r"(?:Node: <node>, i|^I)nterface: [^\n]*protocol: clustering, [^\n]*\n", ""),
        (r"\{\"interface\":[^{}]*\"protocol\":\"clustering\"[^{}]*\},?", ""),
        (r"(following protocols: .*)clustering, ", r"\1"),
        (r"(\"protocols\":\[[^]]*)\"clustering\",", r"\1"),
        (r"^\"<node>\",\"clustering\",.*\n", ""),
        (r" \[\{node,<node>\},\n  \{protocol,clustering\},(?:\n  .*){3}\n", ""),
        (r"\"ports\":\[[\d<>a-z,]+\]", '"ports":[<ports>]'),
        # RabbitMQ says [::] of HTTP, whatever it is bound to.
        (
            r"((?:nterface|\"interface\"|\{interface)(?:: |:\"|,<<\"))(?:\[::\]|127\.0\.0\.1)",
            r"\1<ip>",
        ),
        (r"^(\"<node>\",\"[\w/]+\",)\"(?:\[::\]|127\.0\.0\.1)\",\"\S+?\"", r'\1"<ip>","<port>"'),
        (r"\b(?:Leveret <version> on )?(?:Erlang/OTP|CPython|PyPy) [^\n\"]*", "<runtime>"),
        (r"^[A-Za-z0-9+/]{22}==$|(?<=\"value\":\")[A-Za-z0-9+/]{22}==", "<hash>"),
        (r"\[51,46(,\d+)+\]", "<version>"),  # a list of characters
        (r"(Cookie file access: |\"cookie_file_access\":\")(?:read_write|read)", r"\1<access>"),
        (r"#Ref<[\d.]+>|#PID<[\d.]+>", "<ref>"),
        # Below it stand guesses at the reason, and what epmd says.
        (r"(?s)(Error: unable to perform an operation on node '[^\n]*\n).*", r"\1<diagnosis>\n"),
        (r"amq\.(gen|ctag)-[\w-]{22}", r"amq.\1-#"),
    )
)


# Of the pages about a node: what each is at the moment.
AMOUNTS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^(OS PID|Uptime \(seconds\)): \d+", r"\1: <n>"),
        (r"^(Erlang configuration|Crypto library|OS|RabbitMQ version): .*", r"\1: <text>"),
        (r"^(Erlang processes|Total|Sockets): \d+( used)?, (\d+ limit|limit: \d+)", r"\1: <n>"),
        (r"^(Enabled plugin file: )[^\n]*", r"\1<path>"),
        (r"(\"crypto_lib_version\":\")[^\"]*", r"\1<text>"),
        (r"((?:Cluster name: |\"cluster_name\":\"))\w+@<machine>", r"\1<node>"),
        (r"(\"enabled_plugin_file\":\")[^\"]*", r"\1<path>"),
        (r"^(Scheduler run queue|Free disk space): .*", r"\1: <n>"),
        (r"(?<![\w.])\d[\d.e-]* (gb|mb|bytes|GB|MB)(?: \([\d.e-]+ ?%\))?", r"<n> \1"),
        (r"((?:directory|file|path): )/\S+", r"\1<path>"),
        (r"^ \* /\S+$", " * <path>"),
        (r"<path>/<node>\w*\.log$", "<path>"),
        (r"(^<path>\n|\"<path>\",)\1+", r"\1"),  # RabbitMQ has another one, of upgrades
        (r"/[^\s\"]*/([^\s\"/]+\.log|enabled_plugins|rabbitmq\.conf)", r"<path>/\1"),
        (r"(\":|\w,)-?\d[\d.e-]*(?=[,}\]])", r"\1<n>"),  # of JSON and of Erlang
    )
)


class Normaliser:
    """names: texts and what stands for them."""

    def __init__(self, names: Mapping[str, str]):
        longest_first = sorted(names, key=len, reverse=True)
        words = "|".join(
            re.escape(name) if "@" in name else rf"(?<![\w.-]){re.escape(name)}"
            for name in longest_first
            if name
        )
        self._names = names
        self._pattern = re.compile(rf"(?:{words})(?![\w-])") if words else None

    def answer(self, call: Call, answer: Answer) -> Answer:
        if CRASH.search(answer.stdout) or CRASH.search(answer.stderr):
            return Answer(answer.code, "", CRASHED)
        return Answer(answer.code, self.text(call, answer.stdout), self.text(call, answer.stderr))

    def text(self, call: Call, text: str) -> str:
        text = text.replace(ROOT, "/usr/lib/leveret")  # a clone may be anywhere
        for pattern, replacement in PATTERNS[:2]:
            text = pattern.sub(replacement, text)
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._names[found[0]], text)
        for pattern, replacement in PATTERNS[2:]:
            text = pattern.sub(replacement, text)
        text = without_prose(text)
        if call.tool == "rabbitmq-plugins":
            text = without_other_plugins(text)
        if NODE_PAGES.intersection(call.argv):
            for pattern, replacement in AMOUNTS:
                text = pattern.sub(replacement, text)
            text = sorted_parts(text)
        if PRETTY in text and any(word in text for word in ("<node>", "<pid>", "<value>")):
            text = without_widths(text)
        if "quorum_status" in call.argv:
            text = INDEXES.sub(r"\1<n>\2<n>", text)
        if "export_definitions" in call.argv and text.startswith("{"):
            text = _sorted_definitions(text)
        if any(word.startswith("list_") for word in call.argv):
            text = without_volatile(text, call)
            if not IN_ORDER.intersection(call.argv):
                text = sorted_rows(text, call)
        return text


def without_prose(text: str) -> str:
    """A page of help: its headings, usages, names of options; other text as it is."""
    if "\x1b[1mGeneral Options\x1b[0m" in text:
        lines = text.split("\n")
        lines = lines[: lines.index("\x1b[1mGeneral Options\x1b[0m") + 1]
        kept = [line for line in lines if BOLD.match(line) or line.startswith(("<", "-"))]
        kept = [line for line in kept if line != GUIDES]
        usage = next((line for line in lines if line.startswith(("rabbitmq", "leveret"))), "")
        return "\n".join([kept[0], usage, *kept[1:]])
    if "\x1b[1mHelp\x1b[0m:" in text:
        text = ITEM.sub(r"   \1", text)
    return text


def without_other_plugins(text: str) -> str:
    """Lists of plugins with those that both have, not as wide as the others, and without prose."""
    text = re.sub(r"(Description: \t).*", r"\1<text>", text)
    text = re.sub(r'(version":)\[[\d,]+\]', r"\1<version>", text)
    text = text.replace("<path>:<path>", "<path>")  # of archives
    for list_ in re.findall(r"ependencies:\s+\[?([\w, ]*)", text):
        kept = [name for name in re.split(r", ?", list_) if name in PLUGINS]
        text = text.replace(list_, ",".join(kept))
    lines = []
    for line in text.split("\n"):
        row = LISTED.match(line)
        if row is None:
            lines.append(line)
        elif row[2] in PLUGINS:
            lines.append(f"{row[1]}{row[2]} {row[3]}".rstrip())
    return "\n".join(lines)


def sorted_parts(text: str) -> str:
    """A page about the node: parts of its memory, plugins and files of the log in one order."""
    text = PARTS.sub(lambda found: "".join(sorted(found[0].splitlines(True))), text)
    text = PARTS_JSON.sub(_sorted_parts_json, text)
    text = STARRED.sub(_starred, text)
    return PLUGINS_JSON.sub(_plugins_json, text)


def _sorted_parts_json(found: re.Match[str]) -> str:
    ends = "," if found[0].endswith(",") else ""
    parts = re.findall(r'"\w+":\{[^}]*\}', found[0])
    return ",".join(sorted(parts)) + ends


def _starred(found: re.Match[str]) -> str:
    lines = {line for line in found[0].splitlines(True) if line.strip(" *\n") not in BENEATH}
    return "".join(sorted(lines))


def _plugins_json(found: re.Match[str]) -> str:
    names = set(re.findall(r'"(\w+)"', found[0].partition(":")[2]))
    return f'"active_plugins":{json.dumps(sorted(names - BENEATH))}'


def without_widths(text: str) -> str:
    """A table whose columns are as wide as a name that is another one on each broker."""
    return re.sub(r" +(?=\x1b\(0x)", " ", re.sub(r"q{2,}", "q", text))


def _sorted_definitions(text: str) -> str:
    """Definitions with what is in their lists in one order, and without hashes of passwords."""
    try:
        definitions = json.loads(text)
    except ValueError:
        return text
    for items in definitions.values():
        if isinstance(items, list):
            for item in items:
                if "password_hash" in item:
                    item["password_hash"] = "<hash>"
                if item.get("metadata", {}).get("tags") == "":  # of add_vhost, in 3.10 only
                    item["metadata"]["tags"] = []
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
    return json.dumps(definitions, ensure_ascii=False, sort_keys=True)


def without_volatile(text: str, call: Call) -> str:
    """A list with placeholders in the columns that are another thing each time."""
    for column in VOLATILE:
        text = re.sub(rf'("{column}":)([\d.e-]+|\{{[^{{}}]*\}})', r"\1<value>", text)
        text = re.sub(rf"(\{{{column},)(\d+|\[[^][]*\])", r"\1<value>", text)
    lines = text.split("\n")
    columns: list[str] = [word for word in call.argv if HEADER.fullmatch(word)]
    columns = [word for word in columns if not word.startswith("list_")]
    for number, line in enumerate(lines):
        if "\t" in line and HEADER.fullmatch(line):
            columns = line.split("\t")
            continue
        cells = line.split("\t")
        if len(cells) == len(columns) and not line.startswith(("Error", "Listing")):
            places = zip(columns, cells, strict=True)
            fresh = [
                "<value>" if column in VOLATILE and cell and cell != column else cell
                for column, cell in places
            ]
            lines[number] = "\t".join(fresh)
    return "\n".join(lines)


def sorted_rows(text: str, call: Call) -> str:
    """A list with its rows in one order: those after the banner and the header, or of its JSON."""
    if PRETTY in text:
        return _sorted_pretty(text)
    lines = text.split("\n")
    first = 0
    while first < len(lines) and lines[first].endswith("..."):
        first += 1
    if lines[first] == "[":
        return _sorted_json(lines, first + 1)
    if lines[first].startswith("[["):
        return _sorted_terms(lines, first)
    if not HEADLESS.intersection(call.argv) and HEADER.fullmatch(lines[first]):
        first += 1
    rows = [line for line in lines[first:] if line]
    if any(row.startswith(("Error", "Command", "\x1b")) for row in rows):
        return text
    return "\n".join([*lines[:first], *sorted(rows), *(line for line in lines[first:] if not line)])


def _sorted_pretty(text: str) -> str:
    lines = text.split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith("\x1b(0x")][1:]
    for place, row in zip(places, sorted(lines[place] for place in places), strict=True):
        lines[place] = row
    return "\n".join(lines)


def _sorted_json(lines: list[str], first: int) -> str:
    """An object on a line, a comma at the front of each but the first."""
    end = lines.index("]", first)
    rows = sorted(line.removeprefix(",") for line in lines[first:end])
    rows[1:] = [f",{row}" for row in rows[1:]]
    return "\n".join([*lines[:first], *rows, *lines[end:]])


def _sorted_terms(lines: list[str], first: int) -> str:
    """A list of lists of Erlang, each of them beginning a line."""
    terms = "\n".join(lines[first:]).strip().removeprefix("[[").removesuffix("]]")
    rows = sorted(terms.split("],\n ["))
    return "\n".join([*lines[:first], "[[" + "],\n [".join(rows) + "]]", ""])
