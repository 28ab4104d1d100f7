"""nbgrader's settings for this course; `nbgrader` reads them when it is called in this folder."""

import os, sys
from pathlib import Path

c = get_config()  # noqa: F821

# nbgrader calls `alembic` by its bare name, which lies beside the interpreter: found even where
# .venv is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.course_id = "pianoalign"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.ClearSolutions.code_stub = {"python": "# your code here\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "*Your answer here.*"
# Seconds a cell may take on a slow laptop; the longest takes about 20.
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.kernel_name = "python3"

# Where `nbgrader release_assignment` and `nbgrader collect` exchange files with students on one
# machine. Any folder that all may write to; it is needed by these two commands only.
c.Exchange.root = os.environ.get("NBGRADER_EXCHANGE", "/usr/local/share/nbgrader/exchange")
