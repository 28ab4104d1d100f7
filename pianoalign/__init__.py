"Align MIDI files of piano music to recordings: `from pianoalign import align`."

__version__ = "0.1.0"

__all__ = ["AlignmentResult", "InputError", "align"]

_WHERE = {"align": "tool.aligner", "AlignmentResult": "tool.results", "InputError": "files"}


def __getattr__(name):
    "Import what is asked for, and nothing before: `import pianoalign` alone stays light."
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module 'pianoalign' has no attribute {name!r}")
    return getattr(import_module(f"pianoalign.{_WHERE[name]}"), name)
