"""What can't pass yet: tests/open.yaml."""
import places
import yaml


class Tally:
    """Counts the checks of a suite; a failure that open.yaml knows counts as neither passed nor failed."""

    def __init__(self, suite):
        entries = yaml.safe_load((places.ROOT / "tests" / "open.yaml").read_text()) or {}
        self.waits = {name.removeprefix(f"{suite}/"): reason for name, reason in entries.items() if name.startswith(f"{suite}/")}
        self.passed = self.failed = 0

    def good(self, check, text):
        if check in self.waits:
            self.bad_line(check, "passes now: delete its line in tests/open.yaml")
            return
        self.passed += 1
        print(f"ok   {text}".rstrip(), flush=True)

    def bad(self, check, text):
        if check in self.waits:
            print(f"open {check}: waits for {self.waits[check]}; {text.splitlines()[0][:160]}", flush=True)
            return
        self.bad_line(check, text)

    def bad_line(self, check, text):
        self.failed += 1
        print(f"FAIL {check}: {text}", flush=True)

    def summary(self):
        """The closing line and the exit code; a suite of which nothing passes fails."""
        return places.summary(self.passed, self.failed if self.passed else max(self.failed, 1))
