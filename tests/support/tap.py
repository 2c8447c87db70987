"""Test programs in Python that speak TAP: functions marked with @case, then main()."""
import sys
import traceback

_cases = []


def case(function):
    """A named case: the function's name, in words."""
    _cases.append((function.__name__.replace("_", " "), function))
    return function


def cases_of(name, values):
    """One case for each value: `name` formatted with it."""
    def mark(function):
        for value in values:
            _cases.append((name.format(value), lambda value=value: function(value)))
        return function
    return mark


def main(finish=lambda: None):
    """Run all cases, or those whose name contains one of the arguments."""
    wanted = sys.argv[1:]
    chosen = [c for c in _cases if not wanted or any(w in c[0] for w in wanted)]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function) in enumerate(chosen, 1):
        name = name.replace("#", "no.")
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # whatever it is, the next case shall run
            failed += 1
            print(f"not ok {number} - {name}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            sys.stdout.flush()
    finish()
    sys.exit(1 if failed else 0)
