"""What a report says: as text, as HTML, as numbers for programs."""

import html.parser
import json
import re

import numpy as np
import pytest

from nnlayers import (
    Affine,
    Layer,
    ReLU,
    Sequential,
    affine_backward,
    affine_forward,
    check_gradients,
)
from nnlayers.gradients import pictures

RNG = np.random.default_rng


def linear_forward(x, w):
    return x @ w, (x, w)


def linear_backward(dout, cache):
    x, w = cache
    return dout @ w, x.T @ dout


def square_arrays():
    return RNG(0).standard_normal((2, 3, 3))


def plain(report):
    """Return the text of a report without numbers that depend on rounding."""
    text = re.sub(r"± \S+\)", "± ...)", str(report))
    return re.sub(r"line \d+", "line ..", text)


def check_with(fault):
    """Check the affine pair with a fault put into its gradients."""

    def faulty(dout, cache):
        return fault(*affine_backward(dout, cache))

    rng = RNG(1)
    arrays = (rng.standard_normal(s) for s in ((5, 3), (3, 4), 4))
    return check_gradients((affine_forward, faulty), *arrays)


class TestText:
    def test_a_wrong_gradient(self):
        report = check_gradients((linear_forward, linear_backward), *square_arrays())
        old, new = "return (dout @ w, x.T @ dout)", "return (dout @ w.T, x.T @ dout)"
        assert plain(report) == "\n".join(
            [
                "gradients of linear_forward / linear_backward: WRONG",
                "  dx is WRONG: everywhere",
                f"    why:   transposed: dx becomes right when `{old}` in line .. reads `{new}`",
                f"    fix:   line ..: `{new}` in place of `{old}`",
                "    sure:  proved by rerunning your code with that one change",
                "    worst: dx[1, 0] is -1.73357 but should be 1.20894 (± ...)",
                "  dw is right",
                "  checked at x (3, 3), w (3, 3) with random dout, seed=0",
            ]
        )
        assert repr(report) == str(report)

    def test_the_line_of_the_fault_is_named(self):
        report = check_gradients((linear_forward, linear_backward), *square_arrays())
        line = linear_backward.__code__.co_firstlineno + 2
        assert f"line {line}: " in str(report)

    def test_a_right_pair(self):
        report = check_gradients(
            Sequential(Affine(3, 2, rng=0), ReLU()), RNG(0).normal(size=(4, 3))
        )
        assert str(report) == (
            "gradients of Sequential(Affine(3, 2), ReLU()): RIGHT\n"
            "  dx, 0.dw and 0.db are right\n"
            "  checked at x (4, 3), 0.w (3, 2), 0.b (2,) with random dout, seed=0"
        )

    def test_further_gradients_take_two_lines_each(self):
        report = check_with(lambda dx, dw, db: (-dx, 2.0 * dw, db + 1.0))
        assert report.wrong == ("dx", "dw", "db")
        lines = str(report).splitlines()
        assert len(lines) <= 12 + 2 * 2
        assert [line for line in lines if "WRONG too" in line] == [
            "  dw is WRONG too: everywhere",
            "  db is WRONG too: everywhere",
        ]

    def test_a_gradient_that_is_missing(self):
        report = check_with(lambda dx, dw, db: (dx, None, db))
        assert str(report).splitlines()[1:-1] == [
            "  dw is WRONG: see below",
            "    why:   bad_output: dw is None, not an array",
            "    fix:   return an array of zeros if it is 0",
            "  dx and db are right",
        ]

    def test_a_layer_that_returns_no_gradient_of_its_parameter(self):
        def backward(dout, cache):
            return affine_backward(dout, cache)[0]

        layer = Layer.from_pair(affine_forward, backward, w=np.ones((3, 2)))
        assert str(check_gradients(layer, np.ones((4, 3)))).splitlines()[1] == (
            "  backward raised ValueError: Layer.from_pair(affine_forward, backward).backward: "
            "returned 1 gradient, (4, 3), but x, w (3, 2) need one each; "
            "return (dx, *gradients of the parameters)"
        )

    def test_what_was_raised_is_cut_later_than_other_lines(self):
        def forward(x):
            raise RuntimeError("word " * x.size)

        for size, whole in (50, True), (200, False):
            line = str(check_gradients((forward, affine_backward), np.ones(size))).splitlines()[1]
            assert line.startswith("  forward raised RuntimeError in line ")
            assert line.endswith(" word" if whole else " ...")
            assert len(line) > 250
            assert whole or len(line) <= 480

    def test_where_a_gradient_is_wrong(self):
        def row(dx, dw, db):
            dw = dw.copy()
            dw[2] *= 1.5
            return dx, dw, db

        assert "  dw is WRONG: dw[2, :], 4 of 12 entries\n" in str(check_with(row))

    def test_a_condition_that_tells_wrong_entries_from_right_ones(self):
        def forward(x):
            return np.where(x > 0, 3.0 * x, x), x

        x = RNG(3).standard_normal((4, 5))
        report = check_gradients((forward, lambda dout, x: np.where(x > 0, 2.0, 1.0) * dout), x)
        count = (x > 0).sum()
        assert f"  dx is WRONG: {count} of 20 entries, only where x > " in str(report)

    def test_evidence_is_given_in_numbers(self):
        text = str(check_with(lambda dx, dw, db: (-dx, dw, db)))
        assert re.search(r"dx is minus the true gradient, largest difference \de-1\d\n", text)

    def test_no_other_name_for_the_same_evidence(self):
        def forward(x):
            return x[:, 1:4], x.shape

        def backward(dout, shape):
            dx = np.zeros(shape)
            dx[:, 0:3] = dout
            return dx

        x = RNG(0).standard_normal((3, 6))
        report = check_gradients((forward, backward), x)
        assert len(report.diagnoses) > 1
        messages = [line for line in str(report).splitlines() if "why:" in line or "or:" in line]
        assert len(messages) == 1


class TestNumbers:
    def test_it_is_json(self):
        report = check_gradients((linear_forward, linear_backward), *square_arrays(), seed=3)
        found = json.loads(json.dumps(report.to_dict()))
        assert set(found) == {
            "subject", "verdict", "wrong", "diagnoses", "gradients", "crash", "shapes", "seed",
            "forwards", "unresolved", "precision",
        }  # fmt: skip
        assert (found["verdict"], found["wrong"], found["seed"]) == ("wrong", ["dx"], 3)
        assert found["shapes"] == {"x": [3, 3], "w": [3, 3]}
        assert found["diagnoses"][0]["cause"] == "transposed"
        assert found["diagnoses"][0]["confidence"] == "proved"
        wrong, right = found["gradients"]
        assert (wrong["gradient"], wrong["verdict"], right["verdict"]) == ("dx", "wrong", "right")
        index = tuple(wrong["worst"]["index"])
        assert report.findings[0].claimed[index] == wrong["worst"]["claimed"]
        assert abs(wrong["worst"]["numeric"] - wrong["worst"]["claimed"]) > 1.0
        assert right["worst"] is None

    def test_numbers_that_json_does_not_know(self):
        report = check_with(lambda dx, dw, db: (dx * np.nan, dw, db))
        json.dumps(report.to_dict(), allow_nan=False)


class Reader(html.parser.HTMLParser):
    """Collects tags and text, and demands that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("br", "rect", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


class TestHtml:
    def test_a_wrong_gradient_is_drawn(self):
        report = check_gradients((linear_forward, linear_backward), *square_arrays())
        page = Reader(report._repr_html_())
        assert page.tags.count("svg") == 2  # where it is wrong, and yours against true
        assert page.tags.count("rect") == page.tags.count("circle") == 9
        assert "transposed: dx becomes right when" in page.text
        assert "script" not in page.tags

    def test_the_worst_entry_is_the_darkest(self):
        report = check_gradients((linear_forward, linear_backward), *square_arrays())
        finding = report.findings[0]
        strengths = re.findall(r'fill-opacity="([\d.]+)"', pictures.heat_map(finding))
        off = np.abs(finding.claimed - finding.numeric).ravel()
        assert np.argmax([float(s) for s in strengths]) == off.argmax()

    def test_right_entries_lie_on_the_diagonal(self):
        def half(dx, dw, db):
            dx = dx.copy()
            dx[:2] *= 3.0
            return dx, dw, db

        found = re.findall(
            r'cx="([\d.]+)" cy="([\d.]+)" r="3" fill="(#\w+)"',
            pictures.scatter(check_with(half).findings[0]),
        )
        right = [(float(x), float(y)) for x, y, c in found if c == pictures.COLOURS["right"]]
        assert len(right) == 9 and all(abs(x + y - 220) < 0.2 for x, y in right)

    def test_large_gradients_are_thinned_out(self):
        x = RNG(0).standard_normal((70, 90))
        report = check_gradients(_scaled(), x)
        assert Reader(report._repr_html_()).tags.count("rect") <= pictures.CELLS**2

    @pytest.mark.parametrize("shape", [(), (4,), (2, 3, 2), (1, 1)])
    def test_every_shape_can_be_drawn(self, shape):
        report = check_gradients(_scaled(), np.asarray(RNG(0).uniform(1, 2, shape)))
        assert report.verdict == "wrong"
        assert Reader(report._repr_html_()).tags.count("svg") == 2

    def test_text_is_escaped(self):
        def forward(x):
            raise ValueError("<script>alert(1)</script> & more")

        report = check_gradients((forward, lambda d, c: d), np.ones(2))
        page = Reader(report._repr_html_())
        assert "script" not in page.tags
        assert "<script>alert(1)</script> & more" in page.text

    def test_a_right_pair_needs_no_picture(self):
        report = check_with(lambda *gradients: gradients)
        assert "svg" not in Reader(report._repr_html_()).tags


def _scaled():
    return (lambda x: (2.0 * x, x)), (lambda dout, x: 3.0 * dout)
