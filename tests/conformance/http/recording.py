"""What RabbitMQ answered, as files: `recordings/<section>.json`, a line for each case.

Most answers share their headers with many others: these stand at the top, by a number.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.http.normalise import Recorded

RECORDINGS = Path(__file__).parent / "recordings"
Answers = dict[str, Recorded]  # by the name of the case


def write_answers(section: str, answers: Answers) -> None:
    kinds: list[dict[str, str]] = []
    lines = []
    for name, answer in answers.items():
        if answer["headers"] not in kinds:
            kinds.append(answer["headers"])
        kept = [answer["status"], kinds.index(answer["headers"])]
        if "body" in answer:
            kept.append(answer["body"])
        lines.append(f"{_text(name)}: {_text(kept)}")
    headers = ",\n  ".join(_text(kind) for kind in kinds)
    RECORDINGS.mkdir(exist_ok=True)
    body = ",\n".join(lines)
    text = f'{{"headers": [\n  {headers}\n],\n"answers": {{\n{body}\n}}}}\n'
    (RECORDINGS / f"{section}.json").write_text(text, "utf-8")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def read_answers(section: str) -> Answers:
    """Empty when there is no recording of that section."""
    path = RECORDINGS / f"{section}.json"
    if not path.exists():
        return {}
    kept = json.loads(path.read_text("utf-8"))
    answers: Answers = {}
    for name, (status, kind, *body) in kept["answers"].items():
        answers[name] = {"status": status, "headers": kept["headers"][kind]}
        if body:
            answers[name]["body"] = body[0]
    return answers
