"""What RabbitMQ's tools printed, as files: `recordings/<section>.json`, a line for each call.

Texts that occur more than once stand at the top; in a call, a number means one of them.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.conformance.cli.brokers import Answer

RECORDINGS = Path(__file__).parent / "recordings"
SHORT = 40  # characters that are not worth a place at the top
Answers = dict[str, Answer]  # by the label of the call


def write_answers(section: str, answers: Answers) -> None:
    used = Counter(text for answer in answers.values() for text in answer[1:])
    shared = [text for text, times in used.items() if times > 1 and len(text) > SHORT]
    places: dict[str, str | int] = {text: place for place, text in enumerate(shared)}
    lines = [
        f"{_text(label)}: {_text([answer.code, *(places.get(t, t) for t in answer[1:])])}"
        for label, answer in answers.items()
    ]
    texts = ",\n".join(_text(text) for text in shared)
    body = ",\n".join(lines)
    RECORDINGS.mkdir(exist_ok=True)
    whole = f'{{"texts": [\n{texts}\n],\n"answers": {{\n{body}\n}}}}\n'
    (RECORDINGS / f"{section}.json").write_text(whole, "utf-8")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_answers(section: str) -> Answers:
    """Empty when there is no recording of that section."""
    path = RECORDINGS / f"{section}.json"
    if not path.exists():
        return {}
    kept = json.loads(path.read_text("utf-8"))
    texts = kept["texts"]
    return {
        label: Answer(code, *(texts[text] if isinstance(text, int) else text for text in printed))
        for label, (code, *printed) in kept["answers"].items()
    }
