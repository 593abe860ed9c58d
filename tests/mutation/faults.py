"""Faults that users had met and that were mended: each mending, taken out again, must be found by a test."""
# ruff: noqa: E501

import tomllib

from table import ROOT, Mutant, invented

OPERATOR = "mending left out"
PROTECTION = "protection left out: "  # before the name of its row of the page on reliability
# Files of tests by module, or tests of a file, slow ones too.
TESTS: dict[str, tuple[str, ...]] = {
    "hcl/training/reading.py": ("test_sums", "test_runs"),
    "hcl/training/checks.py": ("test_sums", "test_archive"),
    "hcl/training/sums.py": ("test_sums",),
    "hcl/training/archive.py": ("test_sums", "test_archive"),
    "hcl/training/runs.py": ("test_sums", "test_runs"),
    "hcl/training/locks.py": ("test_locks",),
    "hcl/training/crew.py": (
        "test_campaign.py::test_the_death_of_a_process_fails_its_run_and_the_others_go_on",
        "test_campaign.py::test_processes_that_cannot_begin_say_so",
    ),
    "hcl/training/worker.py": ("test_checkpoint", "test_campaign"),
    "hcl/training/campaign.py": ("test_campaign",),
    "hcl/training/checkpoint.py": ("test_checkpoint", "test_campaign"),
    "hcl/training/inputs.py": ("test_strict", "test_own_data", "test_evaluation", "test_fields", "test_train"),
    "hcl/training/train.py": ("test_train", "test_own_data", "test_fields"),
    "hcl/training/images.py": ("test_data",),
    "hcl/training/places.py": ("test_places",),
    "hcl/training/devices.py": ("test_strict",),
    "hcl/training/objective.py": ("test_fields", "test_evaluation"),
    "hcl/training/spec.py": ("test_spec", "test_strict"),
    "hcl/companion/study.py": ("test_campaign",),
    "hcl/companion/terminal.py": ("test_strict",),
    "hcl/companion/parameters.py": ("test_notebooks", "test_strict"),
    "hcl/companion/notebooks.py": ("test_notebooks",),
    "hcl/companion/book.py": ("test_book",),
    "hcl/companion/commands_book.py": ("test_places",),
    "hcl/companion/commands_records.py": ("test_places", "test_cli"),
    "hcl/companion/commands_train.py": ("test_strict", "test_places", "test_cli"),
    "hcl/sampling.py": ("test_sampling", "test_losses"),
    "hcl/modules.py": ("test_modules", "test_public", "test_distributed"),
}

_READING, _CHECKS, _SUMS = (f"hcl/training/{name}.py" for name in ("reading", "checks", "sums"))
_WORKER, _CHECKPOINT, _LOCKS, _IMAGES = (
    f"hcl/training/{name}.py" for name in ("worker", "checkpoint", "locks", "images")
)
_PARAMETERS, _TRAIN = "hcl/companion/parameters.py", "hcl/companion/commands_train.py"

# (module, text that is there once, text in its place)
FAULTS: list[tuple[str, str, str]] = [
    # Records that cannot be edited unseen.
    (_READING, "if not listed.get(name, is_now) == wrote.get(name, is_now) == is_now]", "if not wrote.get(name, is_now) == is_now]"),
    (_READING, "if not listed.get(name, is_now) == wrote.get(name, is_now) == is_now]", "if not listed.get(name, is_now) == is_now]"),
    (_READING, "    if not isinstance(value, dict):\n", "    if False:\n"),
    (_READING, 'if kind.kind not in "iuf" and len(history):', "if False:"),
    (_READING, "        except Exception as error:  # of a damaged", "        except OSError as error:  # of a damaged"),
    (_CHECKS, "    if missing := [name for name in COLUMNS if name not in history]:\n", "    if missing := []:\n"),
    (_CHECKS, "return found, bad + sums.faults(root, folders)", "return found, bad"),
    (_CHECKS, "if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):", "if False:"),
    (_CHECKS, "if bad := [str(name) for name in metrics if not np.isfinite(metrics[name]).all()]:", "if bad := []:"),
    (_CHECKS, "bad = [name for name, array in run.arrays.items() if not (numbers[name] and np.isfinite(array).all())]",
     "bad: list[str] = []"),
    (_CHECKS, "        if not abs(recomputed - run.final[name]) <= 1e-5 * (1 + recomputed):\n", "        if False:\n"),
    (_SUMS, "            if faults:\n", "            if False:\n"),
    (_SUMS, "        if not (names := stated(record)):\n", "        if (names := FILES) is None:\n"),
    (_SUMS, "        elif missing := [name for name in FILES if name not in names]:\n", "        elif missing := ():\n"),
    ("hcl/training/runs.py", "        sums.put([target])\n", "        pass\n"),
    ("hcl/training/runs.py", "    except (OSError, sums.ListError) as error:\n        warnings", "    except KeyError as error:\n        warnings"),
    ("hcl/training/archive.py", '        if bad:\n            raise RecordError("', '        if False:\n            raise RecordError("'),
    # A run's data, its locks, its process, its state.
    ("hcl/training/train.py", "        check_data(spec, data)\n    run =", "        pass\n    run ="),
    ("hcl/training/inputs.py", "        if expected is not None and has != expected:", "        if False:"),
    ("hcl/training/inputs.py", "        if number is not None and not _even(labels, entry.num_classes):\n", "        if False:\n"),
    (_LOCKS, "        if error.errno not in _NO_LOCKS:\n", "        if True:\n"),
    (_LOCKS, "    except NotImplementedError:\n        pass\n", "    except NotImplementedError:\n        raise\n"),
    (_LOCKS, 'return path.with_name(f"{path.name}.soft")', "return path"),
    (_LOCKS, "        if error.errno not in _NO_LOCKS:\n", "        if False:\n"),
    ("hcl/training/crew.py", "                for name, epoch in hand.runs.items() if why else ():\n",
     "                for name, epoch in ():\n"),
    ("hcl/training/crew.py", "                if why and hand.runs and not stop.is_set():\n", "                if False:\n"),
    ("hcl/training/crew.py", "    if fault and not begun and not stop.is_set():\n", "    if False:\n"),
    ("hcl/training/campaign.py", "            if not (settings.wait and these and _given_up(these, settings, stop, note)):\n",
     "            if True:\n"),
    ("hcl/companion/study.py", "    settings = replace(settings or Settings(), wait=True)\n", "    settings = settings or Settings()\n"),
    (_WORKER, "        except Exception as error:\n            locks.give_up(claim)", "        except ValueError as error:\n            locks.give_up(claim)"),
    (_WORKER, '        except Exception as error:\n            return self._end(lane, "failed"', '        except ValueError as error:\n            return self._end(lane, "failed"'),
    (_WORKER, "        except Exception as error:\n            ended =", "        except ValueError as error:\n            ended ="),
    (_WORKER, "        except OSError as error:\n            self._report(", "        except KeyError as error:\n            self._report("),
    (_WORKER, "        except OSError:  # as where the disk is full", "        except KeyError:  # as where the disk is full"),
    (_WORKER, "                part.write_text(\"\".join(traceback.format_exception(error)), encoding=\"utf-8\")\n", "                pass\n"),
    (_WORKER, "            checkpoint.log_path(lane.job.spec, root).unlink(missing_ok=True)\n", ""),
    (_CHECKPOINT, "    if hashlib.sha256(content).hexdigest().encode() != stated:\n", "    if False:\n"),
    (_CHECKPOINT, "    if run_id not in (None, of):\n", "    if False:\n"),
    (_CHECKPOINT, "    except Exception:  # of bytes that are no state, reading may raise anything", "    except OSError:  # of bytes that are no state, reading may raise anything"),
    # Data as people have them.
    (_IMAGES, "    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:\n", "    except KeyError as error:\n"),
    (_IMAGES, "    except RuntimeError:\n        return None", "    except KeyError:\n        return None"),
    (_IMAGES, '(name.startswith(".") and name not in (".", "..")) or name.lower() in _JUNK', "name.lower() in _JUNK"),
    (_IMAGES, '(name.startswith(".") and name not in (".", "..")) or name.lower() in _JUNK', 'name.startswith(".") and name not in (".", "..")'),
    (_IMAGES, "        elif path.resolve() not in above:\n", "        elif False:\n"),
    (_IMAGES, 'content.decode("utf-8-sig")', 'content.decode("utf-8")'),
    ("hcl/training/places.py", '    if stated := os.environ.get("HCL_DATA"):\n', '    if (stated := os.environ.get("HCL_DATA")) is not None:\n'),
    ("hcl/training/places.py", "Path(stated).expanduser()", "Path(stated)"),
    ("hcl/training/places.py", "    except RuntimeError:  # nobody", "    except KeyError:  # nobody"),
    ("hcl/training/places.py", 'return Path("data") if root is None else root / "data"', 'return Path("data")'),
    ("hcl/training/objective.py", "        images = normalize(images)  # noise is of a scale, and whole numbers have no room for it\n", ""),
    # What is asked wrongly.
    ("hcl/training/spec.py", '"seed": MAX_SEED, "epochs": MAX_EPOCHS, "hardness": MAX_HARDNESS}', '"seed": MAX_SEED, "epochs": MAX_EPOCHS}'),
    ("hcl/training/spec.py", '"seed": MAX_SEED, "epochs": MAX_EPOCHS, "hardness": MAX_HARDNESS}', '"hardness": MAX_HARDNESS}'),
    ("hcl/training/devices.py", '    if not re.fullmatch(r"cuda(:\\d{1,3})?", name):\n', "    if False:\n"),
    ("hcl/training/devices.py", "    if number >= there:\n", "    if False:\n"),
    ("hcl/training/spec.py", "if (value := getattr(self, name)) is not None and value > largest:", "if (value := getattr(self, name)) is None:"),
    ("hcl/training/spec.py", "if not 0 <= value < math.inf or", "if not 0 <= value or"),
    ("hcl/companion/terminal.py", "console = Console(markup=False, highlight=False, emoji=False)", "console = Console()"),
    ("hcl/companion/terminal.py", "errors = Console(stderr=True, markup=False, highlight=False, emoji=False)\n    errors.print(Text.assemble((\"error: \", \"red\"), message), soft_wrap=True)",
     "errors = Console(stderr=True)\n    errors.print(f\"[red]error: [/red]{message}\", soft_wrap=True)"),
    ("hcl/companion/terminal.py", '                stream.reconfigure(errors="replace")', "                pass"),
    ("hcl/companion/terminal.py", "    except (ValueError, NoCheckoutError) as error:\n", "    except NoCheckoutError as error:\n"),
    (_TRAIN, '        at_least("--at-once", at_once, 1)\n', ""),
    (_TRAIN, '        at_least("--checkpoint-every", checkpoint_every, 0)\n', ""),
    (_TRAIN, '        at_least("--budget", seconds, 0, more=True)\n', ""),
    (_TRAIN, '    """Train the missing runs of figures, most important first, within a time budget; stop and go on at any time."""\n    with reported():\n        one_of("profile", profile, profiles.PROFILES)\n',
     '    """Train the missing runs of figures, most important first, within a time budget; stop and go on at any time."""\n    with reported():\n'),
    (_TRAIN, "        if registry.figure_named(name).dataset is None:\n", "        if False:\n"),
    (_TRAIN, "    if twice := [name for name in given if name in parameters]:\n", "    if twice := []:\n"),
    (_PARAMETERS, "        if name not in known:\n", "        if False:\n"),
    (_PARAMETERS, "        if not _fits(value, TYPES[kind]):\n", "        if False:\n"),
    (_PARAMETERS, "            if (least and item < int(least[1])) or (below and item >= 2 ** int(below[1])):\n", "            if False:\n"),
    (_PARAMETERS, "        if kind not in TYPES:\n", "        if False:\n"),
    (_PARAMETERS, "{meant(name, known)}", ""),
    (_PARAMETERS, "    injected = [source for source in cells[declaring[-1] + 1 :] if source.startswith(_INJECTED)]\n", "    injected: list[str] = []\n"),
    (_PARAMETERS, "    if not all(re.fullmatch(r\"[0-9]+\", part) for part in parts):\n", "    if False:\n"),
    ("hcl/companion/notebooks.py", "    if output.resolve().parent == source.resolve().parent:\n", "    if False:\n"),
    ("hcl/companion/notebooks.py", '    if (kernel := notebook.metadata.get("kernelspec")) is None:\n', '    if (kernel := notebook.metadata.get("kernelspec", {})) is None:\n'),
    ("hcl/companion/book.py", "ast.parse(TransformerManager().transform_cell(source)).body", "ast.parse(source).body"),
    ("hcl/companion/commands_book.py", "        root = places.project()\n", "        root = places.PACKAGE.parent\n"),
    ("hcl/companion/commands_records.py", "    if not (found := checks.check_all()):\n", "    if (found := checks.check_all()) is None:\n"),
    # The public ways to say how negatives are taken, and the module.
    ("hcl/sampling.py", "    if keywords:\n", "    if False:\n"),
    ("hcl/sampling.py", "        if name not in Keywords.__annotations__:\n", "        if False:\n"),
    ("hcl/sampling.py", "        if not isinstance(self.k, int | np.integer) or self.k < 1:\n", "        if False:\n"),
    ("hcl/sampling.py", 'per: Per = "pair" if negatives == "per_pair" else "anchor"', 'per: Per = "pair"'),
    ("hcl/sampling.py", "    return Exact(detach_weights)\n", "    return Exact()\n"),
    ("hcl/sampling.py", "    if not detach_weights and k is not None:\n", "    if False:\n"),
    ("hcl/sampling.py", "max_positives=uniforms.shape[1], uniforms=uniforms", "uniforms=uniforms"),
    ("hcl/modules.py", "            positives = None if positives is None else normalise(positives)\n", ""),
    ("hcl/modules.py", "            features = normalise(features)\n", ""),
    ("hcl/modules.py", "        if self.gather:\n", "        if False:\n"),
    ("hcl/modules.py", "        check_temperature(temperature)\n", ""),
]  # fmt: skip

_ARCHIVE, _FILES, _NETWORK = "hcl/training/archive.py", "hcl/training/files.py", "tests/no_network/sitecustomize.py"

# By row of the page on reliability: the protection taken out, which the tests that the row names have to find.
PROTECTIONS: dict[str, list[tuple[str, str, str]]] = {
    "killed": [(_FILES, 'tempfile.mkdtemp(prefix=".part-", dir', 'tempfile.mkdtemp(prefix="part-", dir')],
    "stopped": [(_WORKER, "        if training.epoch > 0 and (closing or due):\n", "        if training.epoch > 0 and due:\n")],
    "clock": [(_WORKER, "time.monotonic() + seconds", "time.time() + seconds")],
    "left-parts": [
        (_FILES, "    except BlockingIOError:\n        return False\n", "    except BlockingIOError:\n        return True\n"),
        ("hcl/training/campaign.py", "    files.sweep(settings.runs_root or places.runs_root())\n", ""),
    ],
    "slow-store": [(_WORKER, "max(_CLOSING, 1.5 * self._save_seconds)", "_CLOSING")],
    "full-disk": [
        (_FILES, "        part.unlink(missing_ok=True)\n", "        pass\n"),
        (_WORKER, '        except Exception as error:\n            ended = ("failed", self._why(lane.job.spec, error))\n',
         '        except KeyError as error:\n            ended = ("failed", self._why(lane.job.spec, error))\n'),
    ],
    "read-only": [(_WORKER, "        except OSError as error:\n            self._report(", "        except HclError as error:\n            self._report(")],
    "no-locks": [(_LOCKS, "        if error.errno not in _NO_LOCKS:\n            raise\n", "        raise\n")],
    "two-drivers": [(_WORKER, "        if claim is None:\n            return\n", "        if claim is None:\n            claim = locks.FileLock(checkpoint.lock_path(spec, root).with_suffix('.other'))\n")],
    "out-of-memory": [(_WORKER, '        except Exception as error:\n            return self._end(lane, "failed"',
                       '        except HclError as error:\n            return self._end(lane, "failed"')],
    "not-finite": [
        ("hcl/training/engine.py", "        self._finite += self._total.isfinite()\n", ""),
        ("hcl/training/train.py", "        if not torch.tensor(loss).isfinite():\n", "        if False:\n"),
        (_WORKER, '        if not all(value.isfinite().all() for value in (*state["engine"]["model"].values(), *moments)):\n', "        if False:\n"),
    ],
    "other-data": [("hcl/training/train.py", '        if state["data"] != self._data.fingerprint:\n', "        if False:\n")],
    "other-code": [(_CHECKPOINT, "    if changed and not any_code:\n", "    if False:\n")],
    "damaged-state": [
        (_CHECKPOINT, "hashlib.sha256(content).hexdigest().encode() != stated", "len(stated) != 64"),
        (_CHECKPOINT, "    if run_id not in (None, of):\n        return", "    if of is None:\n        return"),
    ],
    "edited-record": [
        (_READING, 'changed = _changed(record, found.get(sums.PROVENANCE, {}).get("sha256"))', "changed: list[str] = []"),
        (_CHECKS, "    return found, bad + sums.faults(root, folders)\n", "    return found, bad + []\n"),
    ],
    "damaged-list": [(_SUMS, '                raise ListError("\\n".join(faults))\n', "                pass\n")],
    "bomb": [
        (_ARCHIVE, "            if member.size > reading.MOST or total > MOST:\n", "            if total > MOST:\n"),
        (_ARCHIVE, "            if member.size > reading.MOST or total > MOST:\n", "            if member.size > reading.MOST:\n"),
        (_ARCHIVE, "        if size is None or not 0 <= size <= _PIECE:\n", "        if False:\n"),
        (_ARCHIVE, "        if stream.read(1):\n", "        if False:\n"),
        (_READING, "if (size := sum(member.file_size for member in stored.zip.infolist())) > MOST:", "if (size := 0):"),
    ],
    "traversal": [(_ARCHIVE, 'tar.extract(member, folder, filter="data")', 'tar.extract(member, folder, filter="fully_trusted")')],
    "links": [(_ARCHIVE, "            if not (member.isreg() or member.isdir()):\n", "            if False:\n")],
    "partial-upload": [
        (_ARCHIVE, "        stream.read(_PIECE)\n", ""),
        (_ARCHIVE, "(tarfile.TarError, EOFError, OSError, zlib.error)", "(tarfile.TarError, OSError, zlib.error)"),
    ],
    "code-in-files": [
        (_CHECKPOINT, "weights_only=True", "weights_only=False"),
        (_READING, "allow_pickle=False", "allow_pickle=True"),
    ],
    "packages": [
        ("Makefile", "--quiet --require-hashes --requirement", "--quiet --requirement"),
        ("Makefile", "--universal --generate-hashes", "--universal"),
        ("Makefile", " --strict\n", "\n"),
    ],
    "network": [
        (_NETWORK, "        if isinstance(address, tuple) and not local(address[0]):", "        if False:"),
        (_NETWORK, "            if not local(host):\n", "            if False:\n"),
        ("tests/conftest.py", '_PATHS = [str(Path(__file__).with_name("no_network")), *', "_PATHS = [*"),
    ],
}  # fmt: skip


def protections() -> list[Mutant]:
    """Return the mutants without a protection."""
    return [mutant for row, changes in PROTECTIONS.items() for mutant in invented(changes, f"{PROTECTION}{row}")]


def tests_of_row(row: str) -> tuple[str, ...]:
    """Return the tests that a row of the page on reliability names."""
    with (ROOT / "hcl" / "companion" / "reliability.toml").open("rb") as file:
        return tuple(tomllib.load(file)[row]["tests"])
