"""The data of interactive charts: every record once, as it is called everywhere, in small files that browsers take."""

import html
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from sphinx.errors import ExtensionError

from hcl.companion import charts, explorer, labels, pages, registry, style
from hcl.companion import study as studies
from hcl.companion.extensions import interactive
from hcl.training import runs
from hcl.training.runs import Run
from hcl.training.spec import RunSpec


def made_up(seed=0, epochs=20, dataset="digits", supervised=True, hardness=5.0, **changes):
    """A run that nobody trained."""
    spec = RunSpec(
        dataset=dataset, supervised=supervised, encoder="mlp", epochs=epochs, hardness=hardness, seed=seed, **changes
    )
    shown = np.arange(epochs + 1)
    history = pd.DataFrame({"epoch": shown, "train_loss": [np.nan, *np.linspace(0.6, 0.4, epochs)]})
    for place, name in enumerate(("zero_sum", "equal_inner_product", "effective_rank", "clusters", "test_accuracy")):
        history[name] = (1 + place + seed + supervised) / (1 + shown)
    history["loss"] = 1 / (1 + shown)
    history["knn"] = [*[np.nan] * epochs, 0.5]
    means = np.random.default_rng(seed).normal(size=(spec.num_classes, spec.representation_dim)).astype(np.float32)
    return Run(spec, history, {"means": means}, {"date": "2026-01-01", "threads": 1, "commit": None})


def read(path):
    """What a file of data holds, by the name under which a page finds it, as strict JSON."""

    def refuse(word):
        raise AssertionError(f"{path.name}: {word} is no JSON")

    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("//")]
    name, value = re.fullmatch(r'\(window\.HCL_RUNS \?\?= \{\}\)\["([^"]+)"\]=(.*);', "\n".join(lines)).groups()
    return name, json.loads(value, parse_constant=refuse)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of the recorded runs."""
    return explorer.write(tmp_path_factory.mktemp("data") / "hcl-runs", ROOT / "runs")


@pytest.fixture(scope="module")
def data(files):
    return dict(map(read, files))


def test_every_recorded_run_is_there_once_under_the_name_that_it_has_everywhere(data):
    found = {}
    for key, piece in data.items():
        for run in piece["runs"] if key != explorer.INDEX else ():
            found.setdefault((piece["profile"], run["id"]), []).append(run["name"])
    recorded = {}
    for path in runs.record_folders(ROOT / "runs"):
        spec = RunSpec.from_dict(json.loads((path / "spec.json").read_text(encoding="utf-8")))
        recorded[path.parent.name, path.name] = [labels.label(spec)]
    assert len(recorded) >= 328 and found == recorded


def test_the_index_lists_the_files_best_profile_first(files, data):
    assert [path.stem for path in files] == [explorer.INDEX, *(piece["key"] for piece in data["index"]["pieces"])]
    assert all(len(data[piece["key"]]["runs"]) == piece["runs"] for piece in data["index"]["pieces"])
    profiles = [piece["profile"] for piece in data["index"]["pieces"]]
    assert profiles == sorted(profiles, key=["paper", "gpu", "workstation", "laptop"].index)
    start = data["index"]["pieces"][data["index"]["start"]]
    assert any("fig03" in run["figures"] for run in data[start["key"]]["runs"])


def test_values_are_those_of_the_records_to_four_digits(data):
    study = studies.study("fig03", "workstation", dataset="tinyimagenet100", seeds=[0], root=ROOT / "runs")
    found = {run["id"]: run for run in data["workstation-tinyimagenet100"]["runs"]}
    for run in study.records(ROOT / "runs")[:3]:
        entry = found[run.spec.run_id]
        assert entry["epoch"] == list(run.evaluated["epoch"])
        for name in ("equal_inner_product", "test_accuracy", "effective_rank"):
            np.testing.assert_allclose(entry["values"][name], run.evaluated[name], rtol=6e-4)
            assert entry["settled"][name] == pytest.approx(run.settled[name], rel=6e-4)
        assert len(entry[explorer.SPECTRUM]) == 99 and entry[explorer.SPECTRUM][0] == 0


def test_all_files_are_small(files):
    sizes = [path.stat().st_size for path in files]
    assert max(sizes) < 1_500_000 and sum(sizes) < 6_000_000


def test_runs_of_a_file_are_told_apart_by_name_variant_and_seed(data):
    for key, piece in data.items():
        if key != explorer.INDEX:
            told = [(run["name"], run["variant"], run["seed"]) for run in piece["runs"]]
            assert len(set(told)) == len(told), key
            assert sum(not variant for _, variant, _ in told) >= len(told) / 5, key


def test_runs_are_found_under_their_figures(data):
    names = {run["name"] for run in data["laptop-cifar10"]["runs"] if "fig11" in run["figures"]}
    assert {"SCL", "HSCL, ε = 3", "HUCL, ε = 20"} <= names
    studied = studies.at(registry.FIGURES["fig08"], "laptop", "tinyimagenet100").specs
    found = {run["id"] for run in data["laptop-tinyimagenet100"]["runs"] if "fig08" in run["figures"]}
    assert found == {spec.run_id for spec in studied}


def test_a_made_up_record_is_found(tmp_path, runs_root):
    made = runs.save(made_up(hardness=7.0), "smoke", runs_root)
    folder = tmp_path / "data"
    found = dict(map(read, explorer.write(folder)))
    (run,) = found["smoke-digits"]["runs"]
    assert (run["id"], run["name"], run["hardness"]) == (made.spec.run_id, "HSCL, β = 7", "β = 7")
    assert run["values"]["zero_sum"][:3] == [2, 1, 0.6667] and run["values"]["train_loss"][0] is None
    assert "knn" not in run["values"], "what is measured once has no curve"
    assert [piece["key"] for piece in found["index"]["pieces"]] == ["smoke-digits"]

    runs.save(made_up(seed=1, hardness=7.0), "smoke", runs_root)
    runs.save(made_up(dataset="cifar10", batch_size=64), "own", runs_root)
    found = dict(map(read, explorer.write(folder)))
    assert [run["seed"] for run in found["smoke-digits"]["runs"]] == [0, 1]
    assert found["own-cifar10"]["runs"][0]["figures"] == []


def test_files_are_written_anew_only_when_the_records_are_others(tmp_path, runs_root):
    made = runs.save(made_up(), "smoke", runs_root)
    first = explorer.write(tmp_path)
    times = [path.stat().st_mtime_ns for path in first]
    assert explorer.write(tmp_path) == first and [path.stat().st_mtime_ns for path in first] == times
    made.path.rename(made.path.parent.parent / "elsewhere")
    (runs_root / "own").mkdir()
    (runs_root / "elsewhere").rename(runs_root / "own" / made.path.name)
    assert [path.name for path in explorer.write(tmp_path)] == ["index.js", "own-digits.js"]
    assert not (tmp_path / "smoke-digits.js").exists()


def test_what_is_not_finite_is_null_and_never_nan():
    assert explorer.rounded(float("nan")) is None and explorer.rounded(float("inf")) is None
    assert (explorer.rounded(0.123456), explorer.rounded(99.0), explorer.rounded(1.23e-9)) == (0.1235, 99, 1.23e-9)
    with pytest.raises(ValueError):
        explorer.script("x", {"value": float("nan")})


@pytest.mark.parametrize(
    ("family", "hardness", "level"),
    [("exponential", 0, 0), ("exponential", 2, 1), ("exponential", 5, 2), ("exponential", 30, 4),
     ("exponential", 7, 2.5), ("exponential", 1e9, 5), ("polynomial", 3, 1), ("polynomial", 20, 4)],
)  # fmt: skip
def test_hardness_has_its_place_on_the_ramp(family, hardness, level):
    spec = RunSpec(dataset="digits", supervised=True, hardening=family, hardness=hardness)
    assert style.level(spec.hardness, spec.hardening) == level


def test_variants_say_in_words_what_differs():
    spec = made_up().spec
    others = [
        made_up(batch_size=64).spec,
        made_up(init="near_nc", k=None).spec,
        made_up(lr=0.1, exclude_self=True).spec,
    ]
    assert explorer.variants([spec, spec, *others, spec]) == [
        "", "", "batch 64", "exact expectation, unit ball, near-NC start",
        "without the anchor itself, learning rate 0.1", "",
    ]  # fmt: skip
    assert all(explorer.trait(spec, name) for name in explorer._TRAITS)


def asked(element):
    """What an element asks the page's script for."""
    return json.loads(html.unescape(re.search(rf"{charts.MARK}='([^']*)'", element.code)[1]))


def test_the_element_below_a_figure_names_its_runs(runs_root):
    rows = enumerate(("none", "unit_ball"))
    made = [runs.save(made_up(seed, normalization=row), "smoke", runs_root) for seed, row in rows]
    study = studies.Study(registry.FIGURES["fig06"], "smoke", "digits", tuple(run.spec for run in made))
    page = pages.Page(study, made)
    element = page.interactive(["spectrum", "zero_sum", "unit_norm"])
    assert asked(element) == {
        "metrics": ["spectrum", "zero_sum"],
        "runs": {
            "smoke-digits": {"no normalisation": [made[0].spec.run_id], "unit ball": [made[1].spec.run_id]},
        },
        "titles": {},
        "figure": "fig06",
    }
    assert asked(page.interactive(["zero_sum"], made[:1]))["runs"] == {
        "smoke-digits": {"no normalisation": [made[0].spec.run_id]}
    }
    assert asked(page.interactive(["zero_sum"], [made_up()]))["runs"] == {}, "a run without a record is in no file"
    assert set(element._repr_mimebundle_()) == {"text/html", "text/plain"} and " hidden>" in element.code


def test_titles_with_quotes_survive_the_attribute():
    assert asked(charts.chart([], [], {"a": 'it\'s <b> & "c"'}))["titles"] == {"a": 'it\'s <b> & "c"'}


def an_app(tmp_path, kind="html"):
    added = []
    return added, SimpleNamespace(
        add_css_file=lambda name: added.append(name),
        add_js_file=lambda name, **options: added.append((name, options)),
        builder=SimpleNamespace(format=kind), outdir=tmp_path / "out", srcdir=tmp_path,
    )  # fmt: skip


def test_only_pages_with_a_chart_load_its_script(tmp_path):
    added, app = an_app(tmp_path)
    interactive.add_files(app, "a", "page.html", {"body": "<p>No chart.</p>"}, None)
    interactive.add_files(app, "genindex", "genindex.html", {}, None)
    assert added == []
    interactive.add_files(app, "b", "page.html", {"body": charts.page().code}, None)
    assert added == ["explorer.css", *((name, {"loading_method": "defer"}) for name in ("charts.js", "explorer.js"))]
    assert all((ROOT / "book/_static" / name).exists() for name in ("explorer.css", "charts.js", "explorer.js"))


def test_plotly_and_data_are_put_into_a_built_book(tmp_path, monkeypatch):
    runs.save(made_up(), "smoke", tmp_path / "runs")
    _, app = an_app(tmp_path)
    interactive.write_data(app, RuntimeError("the build failed"))
    interactive.write_data(an_app(tmp_path, "latex")[1], None)
    assert not app.outdir.exists()
    interactive.write_data(app, None)
    static = app.outdir / "_static"
    assert (static / "plotly.min.js").stat().st_size > 1_000_000
    assert sorted(path.name for path in (static / "hcl-runs").iterdir()) == ["index.js", "smoke-digits.js"]
    monkeypatch.setattr(interactive, "find_spec", lambda name: None)
    with pytest.raises(ExtensionError, match="pip install"):
        interactive.plotly_js()
