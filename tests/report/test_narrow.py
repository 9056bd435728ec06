"""Tables of at most 80 columns, in which nothing is cut and no word broken."""

import re

from promo.report.narrow import WIDTH, lines_of, narrow_table

LONG = "screen_13 (depth 8, aspect 48, total_batch 524288)"
SHARE = "100.0% ± 0.0%"


def widest(table):
    return max(map(len, table.split("\n")))


def test_columns_that_do_not_fit_stand_below_with_the_first_again():
    gates = [f"gate_number_{one}" for one in range(9)]
    table = narrow_table([[LONG, *[SHARE] * 9], ["base", *["-"] * 9]], ["kept", *gates])
    heads = [line.split() for line in table.split("\n") if line.startswith("kept")]

    assert widest(table) <= WIDTH
    assert [name for head in heads for name in head[1:]] == gates
    assert len(heads) == 3
    assert table.count(SHARE) == 9
    assert table.count("screen_13 (depth 8,") == 3


def test_a_first_column_is_wrapped_only_where_that_is_needed():
    assert LONG in narrow_table([[LONG, SHARE]], ["kept", "one"])
    assert len(narrow_table([[LONG, SHARE]], ["kept", "one"]).split("\n")) == 3
    three = narrow_table([[LONG, SHARE, SHARE, SHARE]], ["kept", "one", "two", "three"])

    assert widest(three) <= WIDTH
    assert [line.rstrip() for line in three.split("\n")[2:]] == [
        "screen_13 (depth 8, aspect 48,  100.0% ± 0.0%  100.0% ± 0.0%  100.0% ± 0.0%",
        "  total_batch 524288)",
    ]


def test_a_factor_stands_beside_its_level_if_that_fits():
    assert lines_of("screen_2 (aspect 48, matrix_lr 0.02, warmdown 0.3)", 33, 2) == [
        "screen_2 (aspect 48,",
        "matrix_lr 0.02, warmdown 0.3)",
    ]
    assert lines_of("a (mixture_of_everything books_and_code)", 28, 2) == [
        "a (mixture_of_everything",
        "books_and_code)",
    ]


def test_a_word_that_is_longer_than_all_stays_whole():
    name = "n" * 100

    assert re.search(rf"^{name} +1$", narrow_table([[name, "1"]], ["kept", "gate"]), re.MULTILINE)


def test_a_table_without_rows_has_its_headings():
    assert narrow_table([], ["kept", "gate"]).split("\n")[0] == "kept    gate"
