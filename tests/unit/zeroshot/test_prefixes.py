import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gptpath.zeroshot.prefixes import LEAST_SHARED, Node, Row, owners, prefix_tree


def nodes_of(node: Node) -> list[Node]:
    return [node, *(below for child in node.children for below in nodes_of(child))]


def row(*tokens: int, n_targets: int = 1) -> Row:
    return Row(np.array(tokens), n_targets)


def test_options_share_their_context_and_questions_their_header() -> None:
    header = list(range(32))
    rows = [
        row(*header, *[100 + question] * 25, option, n_targets=1)
        for question in range(3)
        for option in (7, 8)
    ]
    root = prefix_tree(rows, quantum=4)
    [top] = root.children
    assert (top.start, top.end, top.tokens.tolist()) == (0, 32, header)
    assert [(child.start, child.end) for child in top.children] == [(32, 56)] * 3
    assert sorted(sorted(child.rows) for child in top.children) == [[0, 1], [2, 3], [4, 5]]


def test_targets_and_short_beginnings_are_not_shared() -> None:
    assert prefix_tree([row(*range(40), n_targets=39)] * 2, quantum=4).children == []
    almost = [row(*range(LEAST_SHARED - 1), 5, 6, n_targets=2)] * 2
    assert prefix_tree(almost, quantum=4).children == []


def test_without_sharing_all_rows_hang_from_the_root() -> None:
    rows = [row(*range(40), n) for n in range(3)]
    assert prefix_tree(rows, quantum=4, share=False).rows == [0, 1, 2]
    assert prefix_tree([], quantum=4).rows == []


ROWS = st.lists(
    st.builds(
        lambda start, rest, share: Row(
            np.array([*[start] * 20, *rest]), max(1, int(len(rest) * share))
        ),
        st.integers(0, 2),
        st.lists(st.integers(0, 2), min_size=1, max_size=60),
        st.floats(0, 1),
    ),
    max_size=20,
)


@given(rows=ROWS, quantum=st.sampled_from([4, 16, 32]))
def test_each_row_hangs_once_below_nodes_that_hold_its_own_beginning(
    rows: list[Row], quantum: int
) -> None:
    nodes = nodes_of(prefix_tree(rows, quantum=quantum))
    assert sorted(i for node in nodes for i in node.rows) == list(range(len(rows)))
    for node in nodes:
        assert node.end % quantum == 0
        for i in node.rows:
            assert rows[i].tokens[: node.end].tolist() == node.tokens.tolist()
            assert rows[i].free >= node.end
        for child in node.children:
            assert child.start == node.end
            assert child.end - child.start >= LEAST_SHARED
            assert child.tokens[: node.end].tolist() == node.tokens.tolist()
            assert len([i for below in nodes_of(child) for i in below.rows]) >= 2


def prefixes(rows: list[Row]) -> tuple[list[list[int]], np.ndarray]:
    """For each target of each row what is read before it, and where each row's targets start."""
    read = [
        row.tokens[: len(row.tokens) - row.n_targets + target].tolist()
        for row in rows
        for target in range(row.n_targets)
    ]
    return read, np.cumsum([0, *(row.n_targets for row in rows)])


def test_options_ask_the_state_after_their_context_once() -> None:
    rows = [row(1, 2, 3, *option, n_targets=len(option)) for option in ((4, 5), (6,), (4, 7, 8))]
    _, starts = prefixes(rows)
    assert owners(rows, starts).tolist() == [0, 1, 0, 0, 1, 5]


def test_a_row_with_tokens_out_of_the_running_shares_no_state() -> None:
    rows = [Row(np.array([1, 2, 3]), 1), Row(np.array([1, 2, 4]), 1, barred=(3,))]
    assert owners(rows, np.array([0, 1, 2])).tolist() == [0, 1]


@given(
    st.lists(
        st.lists(st.integers(0, 1), min_size=2, max_size=6).flatmap(
            lambda ids: st.integers(1, len(ids) - 1).map(lambda n: row(*ids, n_targets=n))
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_target_is_judged_by_a_state_that_has_read_the_same(rows: list[Row]) -> None:
    read, starts = prefixes(rows)
    found = owners(rows, starts)
    assert [read[owner] for owner in found] == read
    assert (found[found] == found).all()
