"""What is mutated, how often, and by which tests it must be found out; the faster tests stand first."""

SEED = 20260131
_LOSS = ("test_losses", "test_sampling", "test_simclr_loss", "test_exact", "test_properties")
_TRAINING = ("test_evaluation", "test_evaluate", "test_fields", "test_engine", "test_train")
_VERDICTS = ("test_verdicts", "test_thresholds", "test_claims")

# Module: number of mutants, files of tests.
PLAN: dict[str, tuple[int, tuple[str, ...]]] = {
    "hcl/losses.py": (30, _LOSS),
    "hcl/draws.py": (20, ("test_draws", *_LOSS)),
    "hcl/hardening.py": (16, ("test_hardening", *_LOSS)),
    "hcl/psi.py": (16, ("test_psi", "test_bounds", *_LOSS)),
    "hcl/bounds.py": (20, ("test_bounds", "test_properties")),
    "hcl/geometry.py": (24, ("test_geometry", "test_properties", "test_evaluation")),
    "hcl/training/objective.py": (18, _TRAINING),
    "hcl/training/engine.py": (28, _TRAINING),
    "hcl/training/evaluate.py": (26, _TRAINING),
    "hcl/training/inputs.py": (4, ("test_strict", "test_own_data", *_TRAINING)),
    "hcl/training/train.py": (10, ("test_fields", "test_evaluation", "test_train", "test_engine")),
    "hcl/companion/verdicts.py": (12, _VERDICTS),
    "hcl/companion/compare.py": (20, _VERDICTS),
    "hcl/companion/statements.py": (18, _VERDICTS),
}
CPU_SECONDS = 300  # of a mutant: several times what the tests of any module take
MEMORY = 8 * 2**30  # bytes that a mutant may ask for
