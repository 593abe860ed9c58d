"""Every claim of the paper's Sections 4, 5 and Appendix B as data, each with a check that can fail, and others'.

Those of other works and our own are counted apart (`hcl.companion.entry.Figure.work`).

A claim is judged by the metric that the paper quotes for it, in settled values (D45) over the seeds; what decides is in
`hcl.companion.verdicts`, its constants in `hcl.companion.limits`. Published numbers of CIFAR-100 are those of the text
and tables, or are read from the plots saved in the official repository (D47, "~").
"""

from hcl.companion.claims.appendix import APPENDIX
from hcl.companion.claims.beyond import BEYOND
from hcl.companion.claims.collapse import COLLAPSE
from hcl.companion.claims.dimensions import DIMENSIONS
from hcl.companion.claims.hscl import HSCL
from hcl.companion.claims.main import MAIN
from hcl.companion.claims.mechanism import MECHANISM
from hcl.companion.claims.mechanism_runs import MECHANISM_RUNS
from hcl.companion.claims.negatives import NEGATIVES, OURS
from hcl.companion.claims.neighbours import NEIGHBOURS
from hcl.companion.claims.neighbours_trained import TRAINED
from hcl.companion.claims.parts import Claim
from hcl.companion.claims.theory import THEORY

CLAIMS: tuple[Claim, ...] = (
    *THEORY, *MAIN, *COLLAPSE, *APPENDIX, *NEGATIVES, *HSCL, *BEYOND, *OURS, *NEIGHBOURS, *TRAINED, *DIMENSIONS,
    *MECHANISM, *MECHANISM_RUNS,
)  # fmt: skip

__all__ = ["CLAIMS", "Claim"]
