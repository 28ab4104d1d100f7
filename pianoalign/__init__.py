"Align MIDI files of piano music to recordings: `from pianoalign import align`."

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # what the names are, for editors and type checkers
    from pianoalign.files import InputError
    from pianoalign.tool.aligner import align
    from pianoalign.tool.results import AlignmentResult

__all__ = ["AlignmentResult", "InputError", "align"]

_WHERE = {"align": "tool.aligner", "AlignmentResult": "tool.results", "InputError": "files"}


def __getattr__(name):
    "Import what is asked for, and nothing before: `import pianoalign` alone stays light."
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module 'pianoalign' has no attribute {name!r}")
    return getattr(import_module(f"pianoalign.{_WHERE[name]}"), name)


def __dir__():
    "What Tab offers: also what was not asked for yet."
    return sorted({*globals(), *__all__})
