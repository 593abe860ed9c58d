from dataclasses import replace

import numpy as np
import pytest
from test_paper import made_up

from hcl.companion import ambiguities, profiles
from hcl.companion import study as studies
from hcl.geometry import simplex_etf
from hcl.training.spec import RunSpec

SCL = RunSpec(dataset="digits", supervised=True, epochs=3)
HUCL = replace(SCL, supervised=False, hardness=5.0)


def run(spec, accuracy, equal=0.1):
    return made_up(spec, test_accuracy=accuracy, equal_inner_product=equal, rank=9.0)


def changed(table, method, metric="test_accuracy"):
    rows = table[(table["method"] == method) & (table["metric"] == metric)]
    return {row.change: (round(row.difference, 6), row.beyond_seeds) for row in rows.itertuples()}


def test_effects_compare_with_the_base_of_the_same_method():
    runs = [
        run(SCL, 0.5), run(HUCL, 0.8), run(replace(SCL, reduction="pair"), 0.6),
        run(replace(HUCL, exclude_self=True), 0.7), run(replace(SCL, weight_decay=1e-6), 0.5),
    ]  # fmt: skip
    table = ambiguities.effects(runs)
    assert changed(table, "SCL") == {
        "reduction: anchor → pair (D1)": (0.1, "one seed"),
        "weight decay: 0 → 1e-06 (D18)": (0.0, "one seed"),
    }
    assert changed(table, "HUCL, β = 5") == {"exclude self: no → yes (D4)": (-0.1, "one seed")}
    assert len(table) == 3 * len(ambiguities.COMPARED)


def test_two_changes_and_a_variant_without_base_are_left_out():
    runs = [
        run(SCL, 0.5), run(replace(SCL, reduction="pair", k=32), 0.6), run(replace(HUCL, exclude_self=True), 0.7),
        run(replace(SCL, k=32), 0.5), run(replace(SCL, k=512), 0.5),
    ]  # fmt: skip
    assert set(ambiguities.effects(runs)["change"]) == {"k: 256 → 32 (D32)", "k: 256 → 512 (D32)"}


def test_the_base_is_what_most_runs_have_whatever_the_order():
    base = [run(SCL, 0.5), run(HUCL, 0.5)]
    runs = [run(replace(SCL, reduction="pair"), 0.6), run(replace(SCL, k=32), 0.6), *base]
    assert ambiguities.base_runs(runs) == base


def test_seeds_are_averaged_and_tell_a_change_from_chance():
    """The 95 % interval of a run after three with a deviation of .1 reaches 4.303 x .1 x sqrt(1 + 1/3) = .497."""
    seeded = [run(replace(SCL, seed=s), a) for s, a in enumerate((0.4, 0.5, 0.6))] + [run(HUCL, 0.8)]
    changed_runs = [run(replace(SCL, k=32), 0.999), run(replace(SCL, k=512), 0.995), run(replace(HUCL, k=32), 0.1)]
    table = ambiguities.effects([*seeded, *changed_runs])
    assert changed(table, "SCL") == {"k: 256 → 32 (D32)": (0.499, "yes"), "k: 256 → 512 (D32)": (0.495, "no")}
    assert set(changed(table, "SCL", "rank").values()) == {(0.0, "no")}
    assert changed(table, "HUCL, β = 5") == {"k: 256 → 32 (D32)": (-0.7, "one seed")}
    shown = ambiguities.effects_table(table)
    assert shown.loc[("k: 256 → 32 (D32)", "SCL")].tolist() == [
        "0.500 → 0.999", "0.100 → 0.100", "0.000 → 0.000", "9 → 9", "test accuracy",
    ]  # fmt: skip
    assert shown["beyond seeds"].tolist() == ["test accuracy", "one seed", "none"]
    assert ambiguities.effects_summary(table)[0] == (
        "Test accuracy changes most, by -0.7, for HUCL, β = 5 with k: 256 → 32 (D32); 1 of the 2 comparisons that "
        "several seeds can judge are beyond the spread over seeds."
    )


def test_seeds_of_the_base_can_come_from_another_study_and_those_of_a_variant_count():
    """Of two variant runs the interval is 4.303 x .1 x sqrt(1/2 + 1/3) = .393."""
    base = [run(replace(SCL, seed=s), a) for s, a in enumerate((0.4, 0.5, 0.6))]
    two = [run(replace(SCL, k=32, seed=s), 0.895) for s in (0, 1)]
    table = ambiguities.effects([base[0], run(replace(SCL, k=512), 0.895), *two, run(replace(SCL, seed=3), 0.0)], base)
    assert changed(table, "SCL") == {"k: 256 → 512 (D32)": (0.395, "no"), "k: 256 → 32 (D32)": (0.395, "yes")}


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_every_variant_of_the_study_is_compared_at_every_profile(profile):
    """Variants that coincide with the base at a profile are the base: nothing else goes missing."""
    specs = studies.study("fidelity", profile).specs
    table = ambiguities.effects([run(spec, 0.5) for spec in specs])
    assert len(table) == (len(specs) - 4) * len(ambiguities.COMPARED)
    assert all("(D" in change for change in table["change"])
    lines = [line for axis in ambiguities.effects_figure(table).axes for line in axis.lines]
    dots = [len(line.get_xdata()) for line in lines if line.get_marker() not in (None, "None", "")]
    assert sum(dots) == len(table)


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_base_runs_are_runs_of_the_headline_figure_whose_seeds_give_the_spread(profile):
    runs = [run(spec, 0.5) for spec in studies.study("fidelity", profile).specs]
    base = {r.spec for r in ambiguities.base_runs(runs)}
    assert len(base) == 4 and base == set(studies.study("fidelity_base", profile).specs)


def test_a_study_without_variants_gives_empty_tables():
    table = ambiguities.effects([run(SCL, 0.5)])
    assert table.empty and ambiguities.effects_table(table).empty and ambiguities.effects_summary(table) == []
    ambiguities.effects_figure(table)


def test_gradient_effects_set_both_ways_side_by_side():
    specs = studies.study("fidelity_gradient", "smoke").specs
    runs = [
        made_up(s, loss=0.3 if s.detach_weights else 0.2, plain_loss=0.1, equal_inner_product=s.hardness) for s in specs
    ]
    table = ambiguities.gradient_effects(runs)
    assert table.index.tolist()[:2] == [("HSCL, β = 10", "stopped"), ("HSCL, β = 10", "through the weights")]
    assert table["loss"].tolist() == [0.3, 0.2] * 4
    assert table["equal_inner_product"].tolist() == [10, 10, 50, 50] * 2


def test_metric_definitions_at_an_etf_and_off_it():
    """A moved and scaled ETF: raw sees both, the cosine the move, the centred cosine neither (D33, D34)."""
    etf = simplex_etf(10, 10).numpy()
    shift = np.eye(10)[9] * 0.5  # orthogonal to the ETF's span

    def recorded(spec, means):
        return replace(run(spec, 0.5), arrays={"means": means.astype("float32")})

    table = ambiguities.metric_definitions([recorded(HUCL, 0.5 * etf + shift), recorded(SCL, etf)])
    assert table.index.tolist() == ["SCL", "HUCL, β = 5"]
    assert table.loc["SCL"].tolist() == pytest.approx([0] * 5, abs=1e-6)
    raw = -0.25 / 9 + 0.25
    expected = [0.5, 5, raw + 1 / 9, raw / 0.5 + 1 / 9, 0]
    assert table.loc["HUCL, β = 5"].tolist() == pytest.approx(expected, abs=1e-6)
