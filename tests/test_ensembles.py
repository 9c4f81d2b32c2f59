import pytest

from barren.ensembles import BadInput, Ensemble, batches, expand

CONFIG = {
    "observable": [0, 1],
    "symbol": {"layer": 0, "qubit": 0},
    "ensembles": [{"family": "random", "width": [4, 6], "depth": [10, 50]}],
}


@pytest.mark.parametrize(
    "ensemble",
    [
        Ensemble("random", 4, depth=50),
        Ensemble("random", 4, depth=50, sigma=0.05),
        Ensemble("identity", 12, block_depth=10, blocks=5),
        Ensemble("identity_tutorial", 3, block_depth=2, blocks=2, symbol_layer=1),
        Ensemble("random", 5, depth=3, symbol_qubit=4, observable_a=2, observable_b=4),
    ],
)
def test_the_name_says_everything(ensemble: Ensemble) -> None:
    assert Ensemble.parse(ensemble.name) == ensemble


@pytest.mark.parametrize(
    "name",
    ["", "random", "random_width-4", "plateau_width-4_depth-5", "random_depth-5"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="not the name of an ensemble"):
        Ensemble.parse(name)


def test_lists_are_crossed_in_the_order_of_the_file() -> None:
    assert [ensemble.name for ensemble in expand(CONFIG)] == [
        "random_width-4_depth-10",
        "random_width-4_depth-50",
        "random_width-6_depth-10",
        "random_width-6_depth-50",
    ]


def test_symbol_and_observable_leave_the_circuits_as_they_are() -> None:
    moved = Ensemble("random", 4, depth=50, symbol_layer=3, observable_b=2)
    assert moved.circuit == Ensemble("random", 4, depth=50).circuit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"symbol": {"layer": 10, "qubit": 0}},
            "symbol layer 10 .* allowed are 0 to 9",
        ),
        ({"symbol": {"layer": 0, "qubit": 4}}, "symbol qubit 4 .* allowed are 0 to 3"),
        ({"observable": [0, 4]}, "observable qubit 4 .* allowed are 0 to 3"),
        ({"observable": [1, 1]}, "names one qubit twice"),
        ({"ensembles": CONFIG["ensembles"] * 2}, "named twice"),
    ],
)
def test_what_lies_outside_the_circuit_is_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        expand(CONFIG | change)


def test_batches_cover_the_samples() -> None:
    assert list(batches(12, 5)) == [(0, 4), (5, 9), (10, 11)]
