from __future__ import annotations

from dpo_ops.errors import (
    DpoOpsError,
    Finding,
    Place,
    Severity,
    SpecError,
    Unauthorized,
)
from dpo_ops.reporters import (
    Style,
    checked_text,
    error_markdown,
    error_text,
    findings_text,
    workflow_commands,
)
from tests.reporters.cases import ERROR, HOSTILE, WARNING

TEXT = """\
specs/a.yaml:9:1: error: is wrong · no such model · name another
specs/a.yaml:3:5: warning: is long · it costs · shorten it [long]
"""

COMMANDS = """\
::error file=specs/a.yaml,line=9,col=1,title=dpo-ops::is wrong · no such model · name another
::warning file=specs/a.yaml,line=3,col=5,title=long::is long · it costs · shorten it [long]
"""


def many(number: int, severity: Severity) -> list[Finding]:
    return [Finding(Place("a.yaml", n + 1), f"w{n}", severity=severity) for n in range(number)]


def test_findings_begin_with_their_place():
    assert findings_text([ERROR, WARNING]) == TEXT


def test_a_long_finding_is_wrapped_below_its_place():
    lines = findings_text([Finding("Dataset/x", "word " * 30)]).splitlines()
    assert lines[0].startswith("Dataset/x: error: word")
    assert all(line.startswith("    word") for line in lines[1:])
    assert all(len(line) <= 80 for line in lines)


def test_colour_is_on_the_severity_only():
    assert findings_text([ERROR], Style(colour=True)).startswith(
        "specs/a.yaml:9:1: \x1b[31merror:\x1b[0m is wrong"
    )


def test_the_result_of_validation_is_the_last_line():
    assert checked_text(["a"], 3, []) == "Valid: 3 resources in 1 file.\n"
    assert checked_text(["a", "b"], 1, [WARNING]).endswith("1 resource in 2 files, 1 warning.\n")
    assert checked_text(["a"], 0, [ERROR, WARNING]).endswith("Not valid: 1 error, 1 warning.\n")


def test_annotations_name_the_line():
    assert workflow_commands([ERROR, WARNING]) == COMMANDS


def test_ten_of_each_and_then_how_many_more():
    found = [*many(13, Severity.ERROR), *many(11, Severity.WARNING)]
    lines = workflow_commands(found).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == 10
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert lines[-1] == "::notice title=dpo-ops::and 3 errors and 1 warning more"
    assert len(workflow_commands(many(10, Severity.ERROR)).splitlines()) == 10


def test_a_finding_cannot_end_its_command():
    place = Place("a,b:c%.yaml", 1, 1)
    text = workflow_commands([Finding(place, "x\n::stop-commands::y", rule="r,s")])
    assert text == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=r%2Cs::x ::stop-commands::y [r,s]\n"
    )


def test_a_finding_about_an_address_has_no_file():
    assert workflow_commands([Finding("Dataset/x", "is odd")]) == (
        "::error title=dpo-ops::Dataset/x: is odd\n"
    )


def test_an_error_says_what_where_why_and_what_to_do():
    error = Unauthorized(
        "the key was refused", status=403, request="GET /v1/x", request_id="r1", why="w", fix="f"
    )
    assert error_text(error) == (
        "error: the key was refused\n  where: GET /v1/x (request r1)\n  why:   w\n  do:    f\n"
    )


def test_an_error_of_the_specs_shows_all_findings():
    text = error_text(SpecError([ERROR, WARNING]))
    assert text == TEXT + "error: 1 error in the specs\n"
    assert "- **warning** `specs/a.yaml:3:5`: is long" in error_markdown(SpecError([WARNING]))


def test_nothing_from_outside_acts_on_the_terminal():
    text = findings_text([Finding(HOSTILE, HOSTILE)]) + error_text(
        DpoOpsError(HOSTILE, where=HOSTILE)
    )
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(text)
