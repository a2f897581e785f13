"""What is shown of many runs: a static site for a browser, and a bundle for a paper in LaTeX.

Both are made from run folders alone (:mod:`qgeom.report.gathered`); nothing is computed again.

================================  ==================================================================================
``write(directory)``              ``index.html`` and ``report/``: a page per run, and circuits beside networks
``write_bundle(directory)``       ``latex/``: figures, captions and tables, ready to be read by ``\\input``
================================  ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.report import bundle, gathered, site
    from qgeom.report.bundle import write_bundle
    from qgeom.report.site import write

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("bundle", "gathered", "site"),
    names={"bundle": ("write_bundle",), "site": ("write",)},
)
