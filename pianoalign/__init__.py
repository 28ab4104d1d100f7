__version__ = "0.1.0"

__all__ = ["AlignmentResult", "InputError", "align"]

def __getattr__(name): # `from pianoalign import align`, while `import pianoalign` alone stays light
    if name == "align": from .tool import aligner as module
    elif name == "AlignmentResult": from .tool import results as module
    elif name == "InputError": from . import files as module
    else: raise AttributeError(f"module 'pianoalign' has no attribute {name!r}")
    return getattr(module, name)
