# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of unittest as scripts/check counts them: a line a test, as soon as it has ended."""
import textwrap
import unittest


class Lines(unittest.TestResult):
    """place: what stands before a test's name, such as "tests/system/test_aboard"."""

    def __init__(self, place):
        super().__init__()
        self.place = place

    def _line(self, word, test, more=""):
        """A whole class that is skipped, or cannot be set up, comes as "setUpClass (module.Class)"."""
        name = test.id().rpartition(".")[2].rstrip(")")
        print(f"{word}: {self.place}:{name}{more}", flush=True)

    def addSuccess(self, test):
        self._line("PASS", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("SKIP", test, f": {reason}")

    def _failed(self, test, error):
        print(textwrap.indent(self._exc_info_to_string(error, test), "    "))
        self._line("FAIL", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._failed(test, error)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._failed(subtest, error)
