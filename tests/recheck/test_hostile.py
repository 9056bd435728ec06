"""Whatever stands in a study folder, the second verifier ends with an exit code and a verdict, never with a trace."""

import json
import os
import random
import shutil
import time

import pytest
from promo.templates import recheck

import studies
from promo.base.canonical import digest_bytes
from promo.ledger.chain import GENESIS, line_digest
from tampered.forger import BASE, NOBODY

LONGEST_S = 10
"""Seconds of processor time that a small study may take, whatever was done to it."""


SOME = ("plain", "rich", "screened", "guarded", "amended_late", "grown", "replayed", "continued", "decided")


@pytest.fixture
def made(tmp_path_factory):
    return [studies.made(name, tmp_path_factory) / "trial.study" for name in SOME]


@pytest.fixture
def copy(tmp_path_factory, tmp_path):
    return shutil.copytree(studies.made("plain", tmp_path_factory) / "trial.study", tmp_path / "trial.study")


def ended(folder):
    """The exit code and the lines, once both are such as they have to be."""
    said, began = [], time.process_time()
    code = recheck.check(folder, NOBODY, said.append)

    assert code in (0, 1, 2, 3)
    assert said[-1] in recheck.ENDINGS.values() or (code == 2 and said[-1].startswith("this study has files of"))
    assert all("\n" not in line and line.isprintable() for line in said), said
    assert time.process_time() - began < LONGEST_S
    return code, said


# --- changes of any kind ---------------------------------------------------------------------------------------------

ATOMS = (
    None, True, False, 0, -1, 2**53, 2**63, 10**30, 1.5, float("nan"), "", "x", "0", "-0", "1/0", "1e999", "9" * 400,
    "9" * 5000, "a" * 70_000, [], {}, [[]], {"is": "top"}, {"is": "not", "condition": {"is": "first"}}, "..",
    "../../etc/passwd", "\ud800", "\0", "\x1b[2J", "short", "base", "pick", BASE, "2026-13-45T99:99:99Z",
)  # fmt: skip


def places(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def dumped(value):
    """As promo would store it, if it stored such a thing."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def mutated(draw, value):
    """A value in which one part is another one, is gone, is doubled, or is a part from elsewhere."""
    every = [*places(value)]
    path = draw.choice(every[1:] or every)
    if not path:
        return draw.choice(ATOMS)
    around, key = at(value, path[:-1]), path[-1]
    match draw.randrange(7):
        case 0:
            around[key] = draw.choice(ATOMS)
        case 1:
            del around[key]
        case 2 if isinstance(around, list):
            around.insert(key, around[key])
        case 3:
            around[key] = json.loads(json.dumps(at(value, draw.choice(every))))
        case 4 if isinstance(around[key], str):
            place = draw.randrange(len(around[key]) + 1)
            around[key] = around[key][:place] + draw.choice("0x/-.é") + around[key][place + draw.randrange(2) :]
        case 5 if isinstance(around[key], list):
            draw.shuffle(around[key])
        case _:
            alike = [one for one in every if one and one[-1] == key]
            around[key] = json.loads(json.dumps(at(value, draw.choice(alike))))
    return value


def linked(folder, lines, draw):
    """The ledger of some events, chained again; now and then wrongly."""
    head, written = GENESIS, []
    for place, line in enumerate(lines):
        if isinstance(line, dict) and draw.random() < 0.97:
            line = {**line, "seq": place, "prev": head}
        written.append(dumped(line))
        head = line_digest(written[-1])
    (folder / "ledger.jsonl").write_bytes(b"".join(line + b"\n" for line in written))


def mutated_ledger(folder, draw):
    """Events that somebody changed, left out, repeated or moved.  This and the next two name the file they change."""
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_bytes().splitlines()]
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        place, how = draw.randrange(len(lines)), draw.random()
        if how < 0.1 and len(lines) > 1:
            del lines[place]
        elif how < 0.2:
            lines.insert(draw.randrange(len(lines) + 1), lines[place])
        elif how < 0.3:
            lines.insert(draw.randrange(len(lines)), lines.pop(place))
        else:
            lines[place] = mutated(draw, lines[place])
    linked(folder, lines, draw)
    return "ledger.jsonl"


def mutated_file(folder, draw):
    """A stored value that somebody changed, and every digest of it in the ledger."""
    files = [path for path in sorted(folder.rglob("*.json")) if path.is_file()]
    path = folder / "plan.json" if draw.random() < 0.4 else draw.choice(files)
    before = path.read_bytes()
    end = b"\n" if before.endswith(b"\n") else b""
    value = json.loads(before)
    for _ in range(draw.choice((1, 1, 2, 5))):
        value = mutated(draw, value)
    if path.name == "result.json" and isinstance(value, dict) and "body" in value:
        value["digest"] = digest_bytes(dumped(value["body"]))
    path.write_bytes(dumped(value) + end)
    ledger = (folder / "ledger.jsonl").read_bytes()
    for old, new in ((before, path.read_bytes()), (before.rstrip(b"\n"), path.read_bytes().rstrip(b"\n"))):
        ledger = ledger.replace(digest_bytes(old).encode(), digest_bytes(new).encode())
    linked(folder, [json.loads(line) for line in ledger.splitlines()], draw)
    return path.relative_to(folder)


def mutated_bytes(folder, draw):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".html"]
    path = draw.choice(files)
    content = bytearray(path.read_bytes())
    match draw.randrange(4):
        case 0:
            content = content[: draw.randrange(len(content) + 1)]
        case 1:
            content = draw.choice((b"", content + content, b"[" * 100_000, content + b"\0" * 512, b'{"a":' * 100_000))
        case _:
            for _ in range(3 if content else 0):
                content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return path.relative_to(folder)


def restored(folder, source, changed):
    """A copy as it was: what was changed in it is written again."""
    for name in (changed, "ledger.jsonl", "checkpoint.note"):
        shutil.copyfile(source / name, folder / name)


def assert_mutants_end(made, place, count, seed):
    """Many mutants of every study, of which none falls into the net that catches what nobody thought of."""
    caught = []
    copies = [shutil.copytree(source, place / f"{number}" / "trial.study") for number, source in enumerate(made)]
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")
        folder, source = draw.choice([*zip(copies, made, strict=True)])
        changed = draw.choice((mutated_ledger, mutated_ledger, mutated_file, mutated_file, mutated_bytes))(folder, draw)
        (folder / "checkpoint.note").unlink(missing_ok=True)
        caught += [(seed, number, line) for line in ended(folder)[1] if "hold together" in line]
        restored(folder, source, changed)

    assert caught == []


def test_every_mutant_ends_with_a_verdict(made, tmp_path):
    assert_mutants_end(made, tmp_path, 400, "a few")


@pytest.mark.slow
def test_many_thousands_of_mutants_end_with_a_verdict(made, tmp_path):
    assert_mutants_end(made, tmp_path, 20_000, "many")


# --- things that are too large, too deep, or no files at all ---------------------------------------------------------

JSON = [
    "plan.json",
    "lock.json",
    "imports.json",
    "decisions/pick.json",
    *(f"{BASE}/{one}.json" for one in ("request", "result")),
]


@pytest.mark.parametrize("name", [*JSON, "evidence/short.json"])
@pytest.mark.parametrize("content", [b"[" * 10**5 + b"]" * 10**5, b'{"a":' * 10**5 + b"1" + b"}" * 10**5])
def test_what_nests_100_000_deep_gets_one_message_also_where_its_digest_fits(copy, name, content):
    before = (copy / name).read_bytes()
    (copy / name).write_bytes(content)
    assert ended(copy)[0] == 1

    ledger = (copy / "ledger.jsonl").read_bytes()
    for old, new in ((before, content), (before.rstrip(b"\n"), content)):
        ledger = ledger.replace(digest_bytes(old).encode(), digest_bytes(new).encode())
    linked(copy, [json.loads(line) for line in ledger.splitlines()], random.Random(1))
    (copy / "checkpoint.note").unlink()
    assert ended(copy)[0] == 1


@pytest.mark.parametrize(
    "line", [b"[" * 10**5 + b"]" * 10**5, b'{"event":' * 10**5, b"1" * 10**5, b"NaN", b"\xff\xfe", b"{}"]
)
@pytest.mark.parametrize("place", [0, 3])
def test_a_line_that_is_no_event_is_named(copy, line, place):
    lines = (copy / "ledger.jsonl").read_bytes().splitlines()
    lines[place] = line
    (copy / "ledger.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    code, said = ended(copy)

    assert code == 1
    assert f"ledger line {place + 1}: " in said[0]


@pytest.mark.parametrize("name", ["ledger.jsonl", "plan.json", f"{BASE}/result.json", "checkpoint.note"])
def test_a_file_larger_than_any_such_file_is_not_read(copy, name):
    with (copy / name).open("r+b") as file:
        file.truncate(3 * 1024**3)  # holes take no room
    code, said = ended(copy)

    assert code == 1
    assert any("bytes, and" in line and "are the most" in line for line in said)


@pytest.mark.parametrize("name", ["ledger.jsonl", "plan.json", f"{BASE}/result.json", "evidence/short.json"])
def test_what_is_no_file_is_never_opened(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    assert ended(copy)[0] in (1, 2)

    (copy / name).unlink()
    (copy / name).mkdir()
    assert ended(copy)[0] in (1, 2)


def test_nothing_is_read_outside_of_the_study(copy, tmp_path):
    """Names in the ledger that lead elsewhere are refused as names."""
    (tmp_path / "secret").write_bytes(b"secret")
    for name in ("../secret", "/etc/passwd", "a/../../secret"):
        lines = [json.loads(line) for line in (copy / "ledger.jsonl").read_bytes().splitlines()]
        lines[0]["event"]["files"][name] = digest_bytes(b"secret")
        linked(copy, lines, random.Random(1))
        code, said = ended(copy)

        assert code == 1
        assert any("is no file name" in line for line in said)


def test_links_that_go_in_circles_end(copy):
    (copy / "runs" / "again").symlink_to(copy)

    assert ended(copy)[0] == 1


def test_a_study_of_another_version_gets_one_sentence_that_says_which_file_reads_it(copy):
    """Here an older one: its events have another form, and its plan no version of ours."""
    line = {
        "data": {},
        "incarnation": 1,
        "kind": "study.frozen",
        "prev": GENESIS,
        "seq": 0,
        "time": "2026-01-02T03:04:05Z",
    }
    (copy / "ledger.jsonl").write_bytes(dumped(line) + b"\n")
    (copy / "plan.json").write_bytes(dumped({"digest": "0" * 64, "parts": {}, "promo_plan": 1}) + b"\n")
    code, said = ended(copy)

    assert code == 2
    assert said == [
        "this study has files of version 1 of the format, and this recheck.py reads version 3; "
        f"use python {copy / 'recheck.py'} STUDY"
    ]


def test_a_plan_that_only_says_that_it_is_of_another_version_is_a_changed_plan(copy):
    plan = (copy / "plan.json").read_bytes()
    (copy / "plan.json").write_bytes(plan.replace(b'"promo_plan":3', b'"promo_plan":4'))
    code, said = ended(copy)

    assert code == 1
    assert any("plan.json was changed after the study was frozen" in line for line in said)


def test_no_line_holds_what_a_terminal_would_obey(copy):
    """Not even the name of a gate that somebody made up."""
    lines = [json.loads(line) for line in (copy / "ledger.jsonl").read_bytes().splitlines()]
    about = {"is": "person.decided", "by": "x", "reason": "y", "promoted": None, "stopped": False}
    lines.append({**lines[-1], "event": {**about, "name": "\x1b[2J\nnothing differs" + "x" * 5_000}})
    linked(copy, lines, random.Random(1))
    (copy / "checkpoint.note").unlink()
    code, said = ended(copy)

    assert code == 1
    assert max(map(len, said)) <= recheck.LONGEST
