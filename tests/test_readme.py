"""The README says what is so: its code runs, prints what it shows, and its tables are complete."""

import configparser
import re
from pathlib import Path

import pytest

import readme

ROOT = readme.README.parent
TEXT = readme.README.read_text(encoding="utf-8")


def test_every_block_prints_what_follows_it():
    # rounding errors, and estimates made of them, differ from processor to processor
    now, then = (
        re.sub(r"(±|difference) \S+", r"\1 ...", text) for text in (readme.with_outputs(TEXT), TEXT)
    )
    assert now == then, "python tests/readme.py writes the outputs anew"


def test_the_first_screen():
    title, _, commands, *_ = re.split(r"\n\n+", TEXT)
    assert title == "# nnlayers"
    assert commands == (
        "```sh\npip install . && python -m nnlayers demo\n"
        "pip install '.[test]' && python -m pytest\n```"
    )
    blocks = readme.BLOCK.findall(TEXT)
    assert ": WRONG\n" in blocks[0][1]
    assert ": RIGHT\n" in blocks[1][1]


def test_the_table_of_folders_is_complete():
    listed = re.findall(r"^\| `([\w/]+)` \| ", TEXT.split("## Names")[0], re.M)
    assert all((ROOT / name).is_dir() for name in listed)
    packages = {f"nnlayers/{path.parent.name}" for path in ROOT.glob("nnlayers/*/__init__.py")}
    assert packages == {name for name in listed if "/" in name}


def test_the_table_of_extras_is_complete():
    listed = re.findall(r"^\| `(\w+)` \| ", TEXT.split("## Extras")[1], re.M)
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert sorted(listed) == sorted(config["options.extras_require"])


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / target).exists(), target


class TestTheRunner:
    """The comparison itself can fail."""

    @pytest.mark.parametrize("shown", ["\n```text\n41\n```\n", "\n```text\n```\n", ""])
    def test_a_wrong_or_missing_output_is_corrected(self, shown):
        text = f"Text.\n\n```python\nprint(42)\n```\n{shown}\nMore.\n"
        assert readme.with_outputs(text) == (
            "Text.\n\n```python\nprint(42)\n```\n\n```text\n42\n```\n\nMore.\n"
        )

    def test_an_output_that_is_no_longer_printed_is_removed(self):
        text = "```python\nx = 1\n```\n\n```text\n42\n```\n\nMore.\n"
        assert readme.with_outputs(text) == "```python\nx = 1\n```\n\nMore.\n"

    def test_blocks_share_their_names_and_others_are_left_alone(self):
        text = "```python\na = 6\n```\n\n```sh\nfalse\n```\n\n```python\nprint(7 * a)\n```\n"
        (first, nothing), (second, output) = readme.run(text)
        assert (first[1], nothing, second[1], output) == ("a = 6\n", "", "print(7 * a)\n", "42\n")

    def test_an_error_is_raised(self):
        with pytest.raises(ZeroDivisionError):
            list(readme.run("```python\n1 / 0\n```\n"))

    def test_the_working_folder_is_left(self):
        before = Path.cwd()
        list(readme.run("```python\nopen('file', 'w').close()\n```\n"))
        assert Path.cwd() == before
        assert not (before / "file").exists()
