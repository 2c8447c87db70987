"""The tables, in Markdown, and what --check says."""


def amount(seconds):
    us = seconds * 1e6
    if us < 1:
        return f"{us:.2f} us"
    if us < 100:
        return f"{us:.1f} us"
    if us < 10e3:
        return f"{us:,.0f} us"
    return f"{us / 1e3:,.1f} ms" if us < 1e6 else f"{seconds:,.2f} s"


def times(ratio):
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.1f}x"


def cell(result, own):
    """What a way took, how many times eigencam's time that is, and its error."""
    text = amount(result["seconds"])
    if result is not own:
        text += f" ({times(result['seconds'] / own['seconds'])})"
    if "error" in result:
        text += f", {result['error']:.0e}"
    if "size" in result:
        text += f", {result['size']:.3f}"
    return text


def add_sizes(one_case):
    """Bytes relative to libpng's defaults."""
    base = next((r for r in one_case["results"] if r["way"].startswith("libpng")), None)
    for result in one_case["results"]:
        if base and "bytes" in result:
            result["size"] = result["bytes"] / base["bytes"]


def table(cases):
    """A row a case, a column a way; the floor last, with the distance to it."""
    ways = []
    for one_case in cases:
        add_sizes(one_case)
        ways += [r["way"] for r in one_case["results"] if r["way"] not in ways]
    has_floor = any("floor" in c for c in cases)
    head = ["", *ways] + (["floor"] if has_floor else [])
    lines = [head, ["---"] * len(head)]
    for one_case in cases:
        by_way = {r["way"]: r for r in one_case["results"]}
        own = one_case["results"][0]
        line = [one_case["case"]] + [cell(by_way[w], own) if w in by_way else "" for w in ways]
        if "floor" in one_case:
            line.append(f"{amount(one_case['floor'])} ({own['seconds'] / one_case['floor']:.1f}x)")
        lines.append(line + [""] * (len(head) - len(line)))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def part(found, setting):
    text = f"\n### {found['title']}; {setting}\n\n{table(found['cases'])}\n"
    notes = [f"{c['case']}: {c['note']}" for c in found["cases"] if "note" in c]
    return text + "".join(f"\n{note}\n" for note in notes)


def machine(facts, floor):
    by_itself = facts["openblas_core_by_itself"]
    text = (f"{facts['processor']}, {facts['cores']} cores, AVX-512: "
            f"{'yes' if facts['avx512'] else 'no'}; OpenBLAS core type {facts['openblas_core']}"
            + (f" (by itself it takes {by_itself})" if by_itself != facts["openblas_core"] else "")
            + f"; load {facts['load_before']:.1f}\n")
    text += ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + "\n"
    if floor:
        reads = ", ".join(f"{name} {rate:.0f}" for name, rate in floor["read_gbs"].items())
        text += (f"one core: {floor['fma_peak_gflops']:.0f} GFLOP/s (float32 multiply-adds); reads "
                 f"{reads} GB/s; copies {floor['copy_gbs']:.0f} GB/s\n")
    return text


def target(facts):
    value, limit = f"{facts['value']:,.4g}", f"{facts['limit']:,.4g}"
    word = "at most" if facts["at_most"] else "at least"
    verdict = "met" if facts["met"] else "MISSED"
    spread = "({:,.4g} to {:,.4g}) ".format(*facts["spread"]) if "spread" in facts else ""
    return f"{verdict:6}  {facts['what']}: {value} {spread}{facts['unit']}, {word} {limit}"


def targets(found, counts):
    """All targets' lines, and those that were missed."""
    lines = [target(facts) for facts in found]
    missed = [line for line, facts in zip(lines, found) if not facts["met"]]
    text = ("\n### Targets (one thread; medians of one run, and the quartiles of a ratio turn by turn)"
            "\n\n") + "".join(f"    {l}\n" for l in lines)
    if not counts:
        text += "\nThis processor has no AVX-512: reported only.\n"
    return text, missed if counts else []
