"""Every claim of the paper's Sections 4, 5 and Appendix B as data, each with a check that can fail.

A claim is judged by the metric that the paper quotes for it, in settled values (D45) over the seeds; what decides is in
`hcl.verdicts`, its constants in `hcl.limits`. Published numbers of CIFAR-100 are those of the text and tables, or are
read from the plots saved in the official repository (D47, "~").
"""

from hcl.claims_appendix import APPENDIX
from hcl.claims_collapse import COLLAPSE
from hcl.claims_main import MAIN
from hcl.claims_parts import Claim
from hcl.claims_theory import THEORY

CLAIMS: tuple[Claim, ...] = (*THEORY, *MAIN, *COLLAPSE, *APPENDIX)

__all__ = ["CLAIMS", "Claim"]
