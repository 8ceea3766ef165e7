"""Members in common by pair of segments. One row per run and pair with any; a segment beside itself is its size."""

PEOPLE = 1 << 20  # whose bits are in memory at once: 128 MB for 1,000 segments


def model(dbt, session):
    """Called by dbt; what it imports is imported only here, as dbt reads the file in every run."""
    dbt.config(materialized="incremental", incremental_strategy="append")
    import pyarrow

    runs, definitions = dbt.source("raw", "runs"), dbt.source("raw", "segment_definitions")
    ((run_no, mode),) = runs.query("r", "select run_no, mode from r where not is_published").fetchall()
    asked = f"select segment_no, is_computed from d where run_no = {run_no} and mode = 'present' order by segment_no"
    listed = dict(definitions.query("d", asked).fetchall())
    ((published,),) = runs.query("r", "select max(run_no) from r where is_published and mode = 'present'").fetchall()
    before = []
    if dbt.is_incremental and mode == "present" and published is not None:
        left_alone = [one for one, is_computed in listed.items() if not is_computed]
        before = kept_pairs(session.table(str(dbt.this)), published, left_alone)
    chosen = [one for one, is_computed in listed.items() if is_computed or not before]
    # A word is as the last run left it that computed one of its segments; the run at hand is one of them.
    written = definitions.query(
        "d",
        "select segment_no // 64 as word, max(run_no) from d"
        f" where is_computed and mode = 'present' and run_no <= {run_no} group by word",
    ).fetchall()
    rows = before + counted_pairs(dbt.ref("segment_bits"), dict(written), list(listed), chosen)
    names = ("segment_no", "other_no", "both_users")
    columns = {name: pyarrow.array([row[n] for row in rows], pyarrow.int64()) for n, name in enumerate(names)}
    return pyarrow.table({"run_no": pyarrow.array([run_no] * len(rows), pyarrow.int64()), **columns})


def kept_pairs(stored, published, kept):
    """Pairs of segments that this run leaves alone, as the last published run found them."""
    inside = f"in ({', '.join(map(str, kept))})" if kept else "is null"
    return stored.query(
        "o",
        "select segment_no, other_no, both_users from o"
        f" where run_no = {published} and segment_no {inside} and other_no {inside}",
    ).fetchall()


def counted_pairs(stored, versions, listed, chosen):
    """Pairs with a chosen segment in them, counted from the bits; each once, the lower number first."""
    import numpy as np

    from segmentation.overlap import WORD, common

    if not versions or not chosen:
        return []
    words = sorted(versions)
    # Behind the words comes one of nobody, for segments whose own no run has written yet.
    first_bits = {word: n * WORD for n, word in enumerate(words)}
    places = [first_bits.get(one // WORD, len(words) * WORD) + one % WORD for one in listed]
    indexes = [n for n, one in enumerate(listed) if one in set(chosen)]
    pairs = ", ".join(f"({word}, {versions[word]})" for word in words)
    bits = stored.query("b", f"select word, person_no, bits from b where (word, run_no) in ({pairs})")
    end = bits.query("b", "select coalesce(max(person_no) + 1, 0) from b").fetchall()[0][0]
    found = np.zeros((len(indexes), len(listed)), dtype=np.int64)
    for start in range(0, end, PEOPLE):
        people = f"select * from b where person_no >= {start} and person_no < {start + PEOPLE}"
        part = bits.query("b", people).fetchnumpy()
        matrix = np.zeros((len(words) + 1, min(PEOPLE, end - start)), dtype=np.uint64)
        matrix[np.searchsorted(words, part["word"]), part["person_no"] - start] = part["bits"]
        found += common(matrix, places, indexes)
    rows = set()
    for row, number in enumerate(chosen):
        for column in np.flatnonzero(found[row]):
            low, high = sorted((number, listed[column]))
            rows.add((low, high, int(found[row, column])))
    return sorted(rows)
