"""What is seen under each figure, in two sentences, on made-up records: each kind of figure, each way it can end."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hcl.bounds import scl_lower_bound
from hcl.companion import ends, published, registry, seen
from hcl.companion import study as studies
from hcl.companion.evidence import Setting
from hcl.companion.labels import label
from hcl.companion.registry import row_of
from hcl.training.runs import Run


def run(spec, distance=0.0, rank=1.0, merged=0, **metrics):
    """A run that ends at a distance from Neural-Collapse, with a share of the dimensions and so many classes "
    "merged."""
    classes = spec.num_classes
    values = {
        "zero_sum": 0.0, "unit_norm": 0.0, "equal_inner_product": distance, "effective_rank": rank * (classes - 1),
        "clusters": classes - merged, "least_distance": 1.4, "within_class": 0.05, "norm": 1.0, "loss": 0.3,
    }  # fmt: skip
    return Run(spec, pd.DataFrame([{"epoch": spec.epochs, **values, **metrics}]), {"means": np.eye(3)}, {})


def of(figure, ending, dataset="auto", seeds=(0,), **options):
    """Runs of a figure, each ending as told for its spec; none where that is None."""
    specs = studies.study(figure, "paper", dataset=dataset, seeds=seeds, **options).specs
    return [run(spec, **how) for spec in specs if (how := ending(spec)) is not None]


def cifar100(figure, ending, **options):
    return seen.seen(figure, of(figure, ending, "cifar100", **options))


FEW = {"distance": 0.3, "rank": 0.06, "merged": 93}


def as_in_the_paper(spec):
    if not spec.hardness:
        return FEW
    reached = published.REACHED["fig03"][0 if spec.supervised else 1]
    return {} if spec.hardness in reached else {"distance": 0.1 + spec.hardness / 100, "rank": 0.5}


def test_figure_3_as_in_the_paper():
    assert cifar100("fig03", as_in_the_paper) == (
        "Supervised, the 100 class means end in 7 clusters and use about 6 of 99 dimensions without hard "
        "negatives; at β = 5, 10 and 30 they reach Neural-Collapse, with about 99 of 99 dimensions in use, as the "
        "paper reports. Unsupervised, the 100 class means end in 7 clusters and use about 6 of 99 dimensions "
        "without hard negatives; at β = 5 they reach Neural-Collapse, with about 99 of 99 dimensions in use, as "
        "the paper reports."
    )


def test_several_seeds_are_one_setting():
    assert cifar100("fig03", as_in_the_paper, seeds=(0, 1, 2)) == cifar100("fig03", as_in_the_paper)
    mixed = cifar100("fig03", lambda spec: {"merged": spec.seed, "rank": 0.9}, seeds=(0, 3))
    assert "without hard negatives; β = " in mixed and "but only 98 of 100 classes are apart" in mixed


def test_what_the_paper_does_not_report_is_said():
    said = cifar100("fig03", lambda spec: {} if spec.supervised and spec.hardness == 10 else FEW)
    supervised, unsupervised = said.split(" Unsupervised, ")
    assert "at β = 10 they reach Neural-Collapse" in supervised
    assert supervised.endswith("; the paper reports Neural-Collapse at β = 5, 10 and 30.")
    assert "as the paper reports" not in said and unsupervised.endswith("the paper reports Neural-Collapse at β = 5.")


def test_without_neural_collapse_the_nearest_are_named_with_what_they_lack():
    def ending(spec):
        return {"distance": 0.3 if spec.hardness != 2 else 0.01, "rank": 0.5 if spec.hardness else 0.1}

    said = cifar100("fig09", ending)
    assert "are all 100 apart and use about 10 of 99 dimensions without hard negatives; β = 2 comes nearest" in said
    assert "but only about 50 of 99 dimensions are in use, and β = 5, 10 and 30 end no nearer than without" in said
    assert said.count("the paper reports Neural-Collapse at β = 30.") == 1
    assert said.endswith("no nearer than without; the paper too reports Neural-Collapse at no β.")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"rank": 0.5}, "but only about 50 of 99 dimensions are in use"),
        ({"merged": 40, "rank": 0.9}, "but only 60 of 100 classes are apart"),
        ({"distance": 0.2}, "but angles are unequal (metric 0.20)"),
        ({"zero_sum": 0.5}, "but the class means are not centred (metric 0.50)"),
        ({"least_distance": 0.6}, "but some class means are too near each other"),
        ({"unit_norm": 0.5}, "but some class means lie inside the ball"),
    ],
)
def test_what_keeps_from_neural_collapse_has_words(how, words):
    said = cifar100("fig03", lambda spec: how if spec.hardness == 5 else FEW, hardness=(0, 5))
    assert said.count(f"β = 5 comes nearest to Neural-Collapse, {words}") == 2


def test_what_lacks_different_things_is_told_of_the_nearest():
    specs = [spec for spec in studies.study("fig03", "paper", dataset="cifar100").specs if spec.supervised][:2]
    settings = [Setting(specs[0], (run(specs[0], merged=4),)), Setting(specs[1], (run(specs[1], zero_sum=0.1),))]
    assert ends.short_of(settings) == "only 96 of 100 classes are apart"
    assert ends.short_of(settings[::-1]) == "the class means are not centred (metric 0.10)"


def test_part_of_a_figure_is_told_as_far_as_it_goes():
    hard_only = cifar100("fig03", lambda spec: {} if spec.hardness == 5 and spec.supervised else None)
    assert hard_only == (
        "Supervised, at β = 5 the class means reach Neural-Collapse, with about 99 of 99 dimensions in use, as "
        "the paper reports."
    )
    plain_only = cifar100("fig03", lambda spec: FEW if not spec.hardness and not spec.supervised else None)
    assert plain_only.endswith("use about 6 of 99 dimensions without hard negatives.") and "paper" not in plain_only
    assert seen.seen("fig03", []) == "No run of this figure is recorded yet."


def test_images_that_are_not_fitted_show_nothing():
    short = cifar100("fig08", lambda spec: {"within_class": 0.5 + spec.hardness / 100})
    assert short == (
        "These runs are too short to tell: features end 0.50 to 0.80 from the mean of their class, where 0.2 "
        "counts as fitted and Neural-Collapse has 0. The paper reports Neural-Collapse at β = 5, 10 and 30 "
        "supervised and at β = 5 unsupervised."
    )
    some = cifar100("fig03", lambda spec: as_in_the_paper(spec) | {"within_class": 0.5 if spec.hardness == 30 else 0.1})
    assert "the images are not fitted at β = 30; the paper reports Neural-Collapse at β = 5, 10 and 30." in some
    one = cifar100("fig10", lambda spec: {"within_class": 0.05 if spec.supervised and not spec.hardness else 0.5})
    assert (
        "the images are not fitted at ε = 3, 5, 10 and 20; the paper reports Neural-Collapse for a suitable ε." in one
    )
    assert "Unsupervised, the images are not fitted without hard negatives and at ε = 3, 5, 10 and 20; the paper" in one


def test_where_the_paper_names_the_nearest_or_some_value():
    def nearest(best):
        return lambda spec: {"distance": 0.1 + abs(spec.hardness - best) / 10} if not spec.supervised else {}

    assert seen.seen("fig05", of("fig05", nearest(5))).endswith("; the paper's come closest at β = 5 too.")
    assert seen.seen("fig05", of("fig05", nearest(10))).endswith("; the paper's come closest at β = 5.")
    assert "β = 5 comes nearest to Neural-Collapse, but angles" in seen.seen("fig05", of("fig05", nearest(5)))
    assert "without hard negatives; at β = 2, 5, 10 and 30 they" in seen.seen("fig05", of("fig05", nearest(5)))
    assert "class means are at Neural-Collapse without hard negatives" in seen.seen("fig05", of("fig05", nearest(5)))
    some = seen.seen("fig11", of("fig11", lambda spec: {} if spec.hardness == 3 else FEW | {"merged": 5}))
    assert some.count("at ε = 3 they reach Neural-Collapse, with about 9 of 9 dimensions in use, as the paper") == 2


def test_older_records_without_clusters_say_nothing_of_them():
    runs = of("fig05", lambda spec: {"rank": 0.5})
    runs = [replace(run, history=run.history.drop(columns=["clusters", "least_distance"])) for run in runs]
    runs = [replace(run, arrays={}) for run in runs]
    said = seen.seen("fig05", runs)
    assert "class means use about 4 of 9 dimensions without hard negatives" in said and "apart" not in said


# Spectra


def spectra(spec):
    row = row_of(spec)
    if row == "unit ball, near-NC start":
        return {"rank": 1.0 if spec.method != "HUCL" else 0.5}
    return {"rank": 0.1 + 0.02 * spec.hardness + 0.1 * spec.supervised, "merged": 90}


def test_spectra_as_in_the_paper():
    assert cifar100("fig04", spectra) == (
        "Of 99 dimensions the class means on the unit ball use: supervised 20 without hard negatives and up to 79 "
        "with them (β = 30); unsupervised 10 without hard negatives and up to 69 with them (β = 30), as the paper "
        "reports. From a near-NC start 4 of 10 settings lose dimensions, as the paper reports of supervised ones "
        "and UCL; on the unit sphere HSCL, β = 30 uses most, about 79 of 99 dimensions; without normalisation "
        "HSCL, β = 30 uses most, about 79 of 99 dimensions."
    )


def test_spectra_otherwise():
    said = cifar100("fig04", lambda spec: {"rank": 0.9 - spec.hardness / 50})
    assert "; the paper reports more at every β, not so here for HSCL at β = 2, 5, 10 and 30 and HUCL at β = 2" in said
    assert "From a near-NC start 4 of 10 settings lose dimensions, where in the paper supervised ones and UCL" in said
    short = cifar100("fig04", lambda spec: {"within_class": 0.5} if row_of(spec) in list(registry.ROWS)[2:] else {})
    assert "on the unit sphere and without normalisation the runs are too short to tell" in short
    assert (
        "From a near-NC start all 10 settings run so far keep theirs (about 99 of 99 dimensions or more), as" in short
    )


def test_spectra_of_some_rows():
    near = cifar100("fig04", lambda spec: {} if spec.init == "near_nc" and spec.method == "HUCL" else None)
    assert near == "From a near-NC start all 4 settings run so far keep theirs (about 99 of 99 dimensions or more)."
    plain = cifar100("fig04", lambda spec: {"rank": 0.1} if row_of(spec) == "unit ball" and not spec.hardness else None)
    assert plain.endswith("use: supervised 10 without hard negatives; unsupervised 10 without hard negatives.")


# Tables


def above(**by_method):
    """Losses above their minimum by method, as in SCL=0.03, HSCL5=0.001."""
    least = scl_lower_bound(100)
    return lambda spec: {"loss": least + by_method[f"{spec.method}{spec.hardness or '':g}" if spec.hardness else "SCL"]}


def test_table_1():
    paper = {"SCL": 0.0278, "HSCL2": 0.05, "HSCL5": 0.00001, "HSCL10": 0.0002, "HSCL30": 0.01}
    assert cifar100("table1", above(**paper)) == (
        "Without hard negatives the loss ends 0.0278 above its minimum (in the paper 0.0278); hard negatives "
        "bring it nearest at β = 5, less than 0.0001 above it (in the paper less than 0.0001, at β = 5). The loss "
        "at β = 2 ends above that without hard negatives, as in the paper."
    )
    other = cifar100("table1", above(**paper | {"HSCL2": 0.02, "HSCL30": 0.03}))
    assert other.endswith("The loss at β = 30 ends above that without hard negatives; in the paper that at β = 2 does.")
    none = cifar100("table1", above(**paper | {"HSCL2": 0.02}))
    assert none.endswith("No hardened loss ends above that without hard negatives; in the paper that at β = 2 does.")


def test_table_1_in_part():
    plain = cifar100("table1", lambda spec: {"loss": 0.34} if not spec.hardness else None)
    assert plain == "Without hard negatives the loss ends 0.0294 above its minimum (in the paper 0.0278)."
    hard = cifar100("table1", lambda spec: {"loss": 0.34} if spec.hardness == 10 else None)
    assert hard == (
        "Hard negatives bring it nearest at β = 10, 0.0294 above its minimum (in the paper less than 0.0001, at β = 5)."
    )


def test_table_2_as_in_the_paper():
    numbers = published.TABLE_2

    def ending(spec):
        name = label(spec) if spec.init == "near_nc" else "near-NC model"
        return {metric: values[name] for metric, values in numbers.items()}

    assert cifar100("table2", ending) == (
        "From a model at Neural-Collapse all 5 supervised settings stay there, as the paper reports. Unsupervised "
        "UCL and HUCL at β = 2 and 5 stay there and HUCL at β = 10 and 30 leave (equal inner-product metric 0.05 "
        "to 0.59), as the paper reports."
    )


def test_table_2_otherwise_and_in_part():
    away = cifar100("table2", lambda spec: {"distance": 0.3} if spec.supervised else {})
    assert away.startswith(
        "From a model near Neural-Collapse (equal inner-product metric 0.300) supervised SCL and HSCL"
    )
    assert "leave (equal inner-product metric 0.30); in the paper all stay." in away
    assert away.endswith("All 5 unsupervised settings stay there; in the paper HUCL at β = 10 and 30 leave.")
    part = cifar100("table2", lambda spec: {} if spec.supervised or spec.hardness < 10 else None)
    assert part.endswith(
        "All 3 unsupervised settings stay there, as the paper reports; in the paper HUCL, β = 10 and HUCL, β = 30 "
        "leave, which are not here yet."
    )
    start = cifar100("table2", lambda spec: {} if spec.init != "near_nc" else None)
    assert start == "From a model at Neural-Collapse nothing has gone on yet."


# Synthetic data and SimCLR sampling


def triangle(spec):
    there = spec.supervised or (spec.positives == "label" and not spec.hardness)
    return {} if there else {"distance": 0.3}


def test_synthetic_runs():
    assert seen.seen("fig02", of("fig02", triangle, seeds=(0, 1))) == (
        "With all points of a class as positives all 8 runs of SCL and HSCL, all 2 of UCL and none of 6 of HUCL "
        "end at an equilateral triangle, as the paper reports. With noisy copies as positives all 8 runs of SCL "
        "and HSCL, none of 2 of UCL and none of 6 of HUCL end at an equilateral triangle, as the paper reports."
    )
    mixed = of("fig02", lambda spec: {"distance": 0.3 * spec.seed} if spec.supervised else None, seeds=(0, 1))
    assert seen.seen("fig02", mixed) == (
        "With all points of a class as positives 4 of 8 runs of SCL and HSCL end at an equilateral triangle; the "
        "paper reports all of SCL, HSCL and UCL, and none of HUCL. With noisy copies as positives 4 of 8 runs of "
        "SCL and HSCL end at an equilateral triangle; the paper reports all of SCL and HSCL, and no other."
    )


@pytest.mark.parametrize("figure", ["fig12", "fig13"])
def test_simclr_sampling(figure):
    def ending(spec):
        return {
            "distance": 0.4,
            "zero_sum": 0.5 - spec.hardness / 100,
            "rank": 0.05 + spec.hardness / 300,
            "merged": 90,
        }

    said = cifar100(figure, lambda spec: ending(spec) | {"inside": 0.8 if spec.supervised else 1.0})
    assert said == (
        "No setting reaches Neural-Collapse: the larger of its zero-sum and equal inner-product metrics is 0.40 "
        "to 0.50, as the paper reports; 80% to 100% of the features lie inside the ball. Of 99 dimensions those "
        "in use go with hard negatives from 5 to 15 (supervised, β = 30) and from 5 to 15 (unsupervised, β = 30) "
        "at best, as the paper reports."
    )
    assert "inside" not in cifar100(figure, ending)
    less = cifar100(figure, lambda spec: ending(spec) | {"rank": 0.5 - spec.hardness / 100})
    assert less.endswith("; the paper reports more in both cases.")
    there = cifar100(figure, lambda spec: {} if spec.hardness == 5 else ending(spec))
    assert there.startswith(
        "Neural-Collapse is reached by HSCL at β = 5 and HUCL at β = 5; the paper reports it at no β."
    )
    assert cifar100(figure, lambda spec: ending(spec) if not spec.hardness else None).endswith(
        "0.50, as the paper reports."
    )
