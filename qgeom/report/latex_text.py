r"""Any text as LaTeX that prints it: nothing in it is ever read as a command, and pdfLaTeX knows every character.

ASCII is escaped as in :func:`qgeom.tables.escape_latex`. Greek letters and the signs of mathematics become commands;
accented Latin letters stay (T1 fonts have them); what is left is decomposed where that gives plain letters, and else
printed as its code point, ``[U+1F41B]``, so that no character can stop the compilation.
"""

from __future__ import annotations

import unicodedata

from qgeom.tables import escape_latex

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho sigma tau upsilon phi chi psi "
    "omega"
)
_LOWER = "αβγδεζηθικλμνξοπρστυφχψω"
_UPPER = {
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_COMMANDS = {
    "ς": "varsigma", "ϵ": "epsilon", "ϑ": "vartheta", "ϕ": "phi", "−": None, "±": "pm", "∓": "mp", "×": "times",
    "·": "cdot", "÷": "div", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "≡": "equiv", "∼": "sim", "≪": "ll",
    "≫": "gg", "∝": "propto", "∞": "infty", "∂": "partial", "∇": "nabla", "∫": "int", "∑": "sum", "∏": "prod",
    "√": "surd", "∈": "in", "∉": "notin", "⊂": "subset", "⊆": "subseteq", "∪": "cup", "∩": "cap", "∅": "emptyset",
    "∧": "wedge", "∨": "vee", "¬": "neg", "∀": "forall", "∃": "exists", "→": "rightarrow", "←": "leftarrow",
    "↔": "leftrightarrow", "⇒": "Rightarrow", "⇐": "Leftarrow", "⇔": "Leftrightarrow", "↦": "mapsto", "↑": "uparrow",
    "↓": "downarrow", "⊗": "otimes", "⊕": "oplus", "†": "dagger", "‡": "ddagger", "⟨": "langle", "⟩": "rangle",
    "‖": "Vert", "ℓ": "ell", "ℏ": "hbar", "ℜ": "Re", "ℑ": "Im", "′": "prime", "°": "circ", "∘": "circ", "•": "bullet",
    "✓": "surd", "✗": "times", "⊥": "perp", "∥": "parallel", "⋅": "cdot", "…": "ldots",
}  # fmt: skip
_PLAIN = {
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "„": ",,", " ": "~", "\u2009": r"\,",
    "\u202f": r"\,", "\u2010": "-", "\u2011": "-", "\u2044": "/",
}  # fmt: skip
_RAISED = {"′", "°"}
_LETTERS = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŁłŚśŠšŽžŻżŹźČčĆćĘęĄąŃńŘřŐőŰűĞğŞşİ"
)


def _table() -> dict[str, str]:
    found = {letter: f"\\ensuremath{{\\{name}}}" for letter, name in _UPPER.items()}
    for letter, name in zip(_LOWER, _GREEK.split(), strict=True):
        found[letter] = "o" if name == "o" else f"\\ensuremath{{\\{name}}}"
    for letter, name in _COMMANDS.items():
        command = "-" if name is None else f"\\{name}"
        found[letter] = (
            f"\\ensuremath{{^{{{command}}}}}" if letter in _RAISED else f"\\ensuremath{{{command}}}"
        )
    return {**found, **_PLAIN}


_CHARACTERS = _table()


def latex(text: str) -> str:
    """The text as LaTeX, on one line; ``{}`` keeps apart what fonts would join, such as two hyphens."""
    return "".join(map(_character, " ".join(text.split())))


def _character(one: str) -> str:
    if one in "-`',?!":  # ligatures: --, ``, '', ,,, ?`, !`
        return f"{one}{{}}"
    if one.isascii():
        return escape_latex(one)
    if one in _CHARACTERS:
        return _CHARACTERS[one]
    if one in _LETTERS:
        return one
    known = "".join(part for part in unicodedata.normalize("NFKD", one) if not unicodedata.combining(part))
    if not known or known == one or not all(_is_known(part) for part in known):
        return f"{{[}}U+{ord(one):04X}{{]}}"
    shown = "".join(map(_character, known))
    kind = unicodedata.decomposition(one).partition(">")[0]
    command = {"<super": "textsuperscript", "<sub": "textsubscript"}.get(kind)
    return f"\\{command}{{{shown}}}" if command else shown


def _is_known(one: str) -> bool:
    return (one.isascii() and one.isprintable()) or one in _CHARACTERS or one in _LETTERS
