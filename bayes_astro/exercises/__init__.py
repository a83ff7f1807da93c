"""Exercises: `list` shows them, `open` writes one as a notebook, `check` judges an answer.

`hint` and `solution` help on the way to it.

>>> import bayes_astro as ba
>>> ba.exercises.check("5.1", (33.63, 0.16)).state
'correct'
"""

from bayes_astro.exercises.blank import open_blank as open
from bayes_astro.exercises.checking import check as check
from bayes_astro.exercises.library import hint as hint
from bayes_astro.exercises.library import solution as solution
from bayes_astro.exercises.listing import table as list
from bayes_astro.exercises.verdict import Verdict as Verdict

__all__ = ["Verdict", "check", "hint", "list", "open", "solution"]
